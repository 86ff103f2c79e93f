import io
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.chat import ChatSession, ChatSettings
from pipeline.cli.chat import run
from pipeline.cli.main import DONE, MISTAKE, main
from pipeline.errors import ConfigError


class Stdin:
    """Piped input."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)

    def isatty(self) -> bool:
        return False


class Chat:
    """`seq2seq chat` on piped input: the exit code, and what it printed."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys

    def __call__(self, content: str | bytes, *options: str) -> tuple[int, list[str], str]:
        encoded = content.encode() if isinstance(content, str) else content
        self._monkeypatch.setattr(sys, "stdin", Stdin(encoded))
        code = main(["chat", str(self._folder), "--max-tokens", "8", *options])
        out, err = self._capsys.readouterr()
        assert not out or out.endswith("\n")
        return code, out.split("\n")[:-1], err


@pytest.fixture
def chat(
    tiny_chat_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Chat:
    return Chat(tiny_chat_folder, monkeypatch, capsys)


@pytest.fixture
def session(tiny_chat_folder: Path) -> ChatSession:
    return ChatSession.from_pretrained(tiny_chat_folder, settings=ChatSettings(max_tokens=8))


def test_each_line_gets_one_line_in_the_light_of_those_before(
    chat: Chat, session: ChatSession
) -> None:
    messages = ["hello", "안녕 😀", "hello"]
    expected = [" ".join(session.reply(message).split()) for message in messages]
    code, replies, err = chat("\n".join(messages))
    assert (code, err) == (0, "")
    assert [" ".join(reply.split()) for reply in replies] == expected


def test_a_reply_that_spells_line_breaks_is_one_line(chat: Chat) -> None:
    lines = [f"hello {number}" for number in range(4)]
    code, replies, _ = chat("\n".join(lines), "--temperature", "5", "--max-tokens", "200")
    assert (code, len(replies)) == (0, 4)
    assert not any(character < " " for character in "".join(replies))


def test_lines_without_text_are_empty_and_no_turns(chat: Chat) -> None:
    _, plain, _ = chat("hello\nbob\n")
    _, spaced, _ = chat("\nhello\n \t\n\ufeff\nbob\n")
    assert spaced == ["", plain[0], "", "", plain[1]]


def test_windows_line_ends_and_byte_order_mark(chat: Chat) -> None:
    assert chat("\ufeff/settings seed 3\r\nhello\r\nbob\r\n") == chat(
        "/settings seed 3\nhello\nbob"
    )


def test_no_input(chat: Chat) -> None:
    assert chat("") == (0, [], "")


def test_commands_tell_on_stderr_alone(chat: Chat) -> None:
    _, (plain,), _ = chat("hello\n")
    code, replies, err = chat("hello\n/undo\n/settings\n/help\nhello\n/reset\nhello\n")
    assert (code, replies) == (0, [plain] * 3)
    assert "taken back: hello" in err
    assert "/help" in err


def test_a_retry_is_a_reply(chat: Chat) -> None:
    code, replies, _ = chat("/retry\nhello\n/retry\n")
    assert code == 0
    assert len(set(replies)) == 2


def test_unknown_commands_and_spaced_ones_are_messages(chat: Chat) -> None:
    code, replies, err = chat("/unknown\n /reset\n/\n")
    assert (code, len(replies), err) == (0, 3, "")


def test_quit_leaves(chat: Chat) -> None:
    assert chat("/quit\nhello\n") == (0, [], "")


def test_a_command_that_fails_ends_it_and_names_the_line(chat: Chat) -> None:
    code, replies, err = chat("hello\n/settings temperature -1\nhello\n")
    assert (code, len(replies)) == (2, 1)
    assert err == "error: stdin, line 2: temperature: expected 0 or more, got -1.0\n"


def test_what_is_not_utf8_ends_it_and_names_the_line(chat: Chat) -> None:
    code, replies, err = chat(b"hello\n\xff\xfe\nhello\n")
    assert (code, len(replies)) == (2, 1)
    assert err == "error: stdin, line 2: expected UTF-8 text (invalid start byte)\n"


def test_options_reach_the_session(chat: Chat, session: ChatSession) -> None:
    session.settings = ChatSettings(temperature=0.9, top_k=9, top_p=0.8, max_tokens=3, seed=5)
    options = {"temperature": 0.9, "top-k": 9, "top-p": 0.8, "max-tokens": 3, "seed": 5}
    _, replies, _ = chat("hello\n", *(f"--{name}={value}" for name, value in options.items()))
    assert [reply.split() for reply in replies] == [session.reply("hello").split()]


def test_the_options_of_decoding_reach_the_session(chat: Chat, session: ChatSession) -> None:
    session.settings = ChatSettings(
        temperature=0.9,
        min_p=0.1,
        repetition_penalty=1.5,
        no_repeat_ngram=2,
        no_repeat_context_ngram=3,
        min_tokens=2,
        max_tokens=5,
        num_candidates=3,
        mmi_weight=0.9,
        unsure_below=0.001,
    )
    values = asdict(session.settings)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    _, replies, _ = chat("hello\n", *options)
    assert [reply.split() for reply in replies] == [session.reply("hello").split()]


def test_what_is_blocked_is_not_said(chat: Chat, tmp_path: Path) -> None:
    _, (usual,), _ = chat("hello\n")
    (tmp_path / "never.txt").write_text(usual[:2].upper() + "\n", encoding="utf-8")
    _, (said,), _ = chat("hello\n", "--blocklist", str(tmp_path / "never.txt"))
    assert usual[:2].casefold() not in said.casefold()


def test_candidates_are_ranked_by_the_reverse_model(chat: Chat, tiny_chat_folder: Path) -> None:
    options = ["--num-candidates", "8", "--mmi-weight", "9"]
    reverse = ["--reverse", str(tiny_chat_folder)]
    _, ranked, _ = chat("hello\n", *options, *reverse)
    _, without, _ = chat("hello\n", *options)
    assert ranked != without
    assert chat("hello\n", *reverse) == chat("hello\n")


def test_a_reverse_model_that_is_none(chat: Chat, tiny_translator_folder: Path) -> None:
    code, _, err = chat("hello\n", "--reverse", str(tiny_translator_folder))
    assert code == 2
    assert err == (
        "error: tiny-translation: a model for translation; expected chat, from reply to message\n"
    )


def test_a_blocklist_that_is_not_there(chat: Chat) -> None:
    code, _, err = chat("hello\n", "--blocklist", "nowhere.txt")
    assert (code, err) == (
        2,
        "error: nowhere.txt: cannot be read (No such file or directory)\n",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", "warm"], "argument --temperature: invalid float value: 'warm'"),
        (["--temperature", "-1"], "temperature: expected 0 or more, got -1.0"),
        (["--max-tokens", "0"], "max_tokens: expected 1 or more, got 0"),
        (["--top-k", "1.5"], "argument --top-k: invalid int value: '1.5'"),
        (["--unsure-below", "2"], "unsure_below: expected 0 to 1, got 2.0"),
        (["--min-p", "-1"], "min_p: expected 0 (all) to 1, got -1.0"),
        (["--nope"], "unrecognized arguments: --nope"),
    ],
)
def test_bad_options(chat: Chat, options: list[str], message: str) -> None:
    code, replies, err = chat("hello\n", *options)
    assert (code, replies) == (2, [])
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(ConfigError, match="required: model"):
        run([])


def test_each_reply_comes_before_the_next_line_is_written(tiny_chat_folder: Path) -> None:
    """Another process may wait for the answer; and what a chat need not import stays away."""
    program = (
        "import sys; from pipeline.cli.main import main; main(sys.argv[1:]);"
        "print(*sorted({'lightning', 'datasets', 'prompt_toolkit'} & set(sys.modules)))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "chat", str(tiny_chat_folder), "--max-tokens", "3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        for line in (b"hello\n", b"bob\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().endswith(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b"\n"
        watchdog.cancel()
    assert process.returncode == 0


def test_at_a_terminal_it_converses(
    tiny_chat_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    names: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("pipeline.cli.repl.converse", lambda session, *, name: names.append(name))
    run([str(tiny_chat_folder)])
    assert names == ["tiny-chat"]


def test_it_talks_to_itself(tiny_chat_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", str(tiny_chat_folder), "--self-chat", "3", "--opening", "안녕"]) == DONE
    out, err = capsys.readouterr()
    lines = out.split("\n")[:-1]
    assert lines[0] == "안녕"
    assert len(lines) == 4 or "said three times" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--self-chat", "0"], "--self-chat: expected 1 or more, got 0"),
        (["--with", "x"], "--with: expected --self-chat N beside it"),
    ],
)
def test_self_chat_takes_turns(
    options: list[str],
    message: str,
    tiny_chat_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["chat", str(tiny_chat_folder), *options]) == MISTAKE
    assert message in capsys.readouterr().err
