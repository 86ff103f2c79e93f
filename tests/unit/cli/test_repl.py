import io
import os
import re
import signal
import stat
import termios
from collections.abc import Generator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import DummyInput, create_pipe_input
from prompt_toolkit.output.plain_text import PlainTextOutput

from pipeline.chat import ChatSession
from pipeline.cli.chat_commands import Commands
from pipeline.cli.chat_options import SETTINGS
from pipeline.cli.repl import _completer, _file_history, _type_ahead, converse

ENTER, CTRL_C, CTRL_D, UP = "\r", "\x03", "\x04", "\x1b[A"


class Parrot(ChatSession):
    """Says the message back, a word at a time; at some words something else happens."""

    def __init__(self) -> None:
        self._turns = []
        self._last_reply = None

    def stream(self, message: str, *, retrieve: bool = True) -> Generator[str, None, None]:
        said = ""
        try:
            for word in message.split():
                if word == "CTRL-C":
                    signal.raise_signal(signal.SIGINT)
                elif word != "SILENCE":
                    said += f"{word.upper()} "
                    yield f"{word.upper()} "
        finally:
            self._turns += [message, said]


def talk(session: ChatSession, typed: str, history: History | None = None) -> str:
    """What the screen shows when all this is typed; what follows an Enter waits for its prompt."""
    screen = io.StringIO()
    with (
        create_pipe_input() as keyboard,
        create_app_session(input=keyboard, output=PlainTextOutput(screen)),
    ):
        keyboard.send_text(typed)
        converse(session, name="parrot", history=history or InMemoryHistory())
    return screen.getvalue().replace("\r\n", "\n")


def paste(text: str) -> str:
    """As a terminal hands over what is pasted."""
    return f"\x1b[200~{text}\x1b[201~"


def test_messages_get_replies() -> None:
    session = Parrot()
    screen = talk(session, f"hello there{ENTER}안녕 👨‍👩‍👧{ENTER}{CTRL_D}")
    assert screen.startswith("parrot\n/help for commands, Ctrl-D to leave\nyou: ")
    assert "bot: HELLO THERE \n" in screen
    assert "bot: 안녕 👨‍👩‍👧 \n" in screen
    assert session.turns == ("hello there", "HELLO THERE ", "안녕 👨‍👩‍👧", "안녕 👨‍👩‍👧 ")


def test_ctrl_c_stops_a_reply_and_keeps_what_was_said() -> None:
    session = Parrot()
    screen = talk(session, f"one two CTRL-C three{ENTER}next{ENTER}{CTRL_D}")
    assert "bot: ONE TWO … (stopped)\n" in screen
    assert "bot: NEXT \n" in screen
    assert session.turns == ("one two CTRL-C three", "ONE TWO ", "next", "NEXT ")


def test_ctrl_c_before_the_first_word() -> None:
    session = Parrot()
    assert "bot: … (stopped)\n" in talk(session, f"CTRL-C{ENTER}{CTRL_D}")
    assert session.turns == ("CTRL-C", "")


def test_ctrl_c_at_the_prompt_drops_the_line() -> None:
    session = Parrot()
    screen = talk(session, f"half{CTRL_C}whole{ENTER}{CTRL_D}")
    assert "(Ctrl-D or /quit to leave)" in screen
    assert session.turns == ("whole", "WHOLE ")


def test_ctrl_d_leaves_at_once() -> None:
    assert "bot:" not in talk(Parrot(), CTRL_D)


def test_a_reply_without_words_says_so() -> None:
    assert "bot: (no reply)\n" in talk(Parrot(), f"SILENCE{ENTER}{CTRL_D}")


def test_lines_without_text_are_no_messages() -> None:
    session = Parrot()
    assert "bot:" not in talk(session, f"{ENTER}  {ENTER}{CTRL_D}")
    assert session.turns == ()


def test_commands_are_done() -> None:
    session = Parrot()
    screen = talk(session, f"one{ENTER}two{ENTER}/undo {ENTER}/quit{ENTER}never{ENTER}")
    assert "taken back: two\n" in screen
    assert session.turns == ("one", "ONE ")


def test_a_command_that_fails_is_one_line_and_the_chat_goes_on() -> None:
    session = Parrot()
    screen = talk(session, f"/usr/bin{ENTER}/load /nowhere{ENTER}hello{ENTER}{CTRL_D}")
    assert "\nno command /usr/bin; /help lists the commands\n" in screen
    assert "\n/nowhere: cannot be read (No such file or directory)\n" in screen
    assert session.turns == ("hello", "HELLO ")


def test_a_space_before_the_slash_makes_a_message() -> None:
    session = Parrot()
    talk(session, f" /reset{ENTER}{CTRL_D}")
    assert session.turns == ("/reset", "/RESET ")


def test_pasted_lines_are_one_message_whatever_they_begin_with() -> None:
    session = Parrot()
    talk(session, paste("/quit\r\nsecond\tline") + ENTER + CTRL_D)
    assert session.turns[0] == "/quit second line"


def test_a_long_paste_is_a_message() -> None:
    session = Parrot()
    text = ("안녕하세요 hello 😀 " * 700)[:10_000].strip()
    screen = talk(session, f"{paste(text)}{ENTER}/undo{ENTER}{text[:9]}{ENTER}{CTRL_D}")
    assert f"bot: {text.upper()} \n" in screen
    assert session.turns[0] == text[:9].strip()


ALT_ENTER = "\x1b\r"


def test_alt_enter_begins_a_line_of_the_same_message() -> None:
    session = Parrot()
    talk(session, f"one{ALT_ENTER}두 번째{ENTER}{CTRL_D}")
    assert session.turns == ("one 두 번째", "ONE 두 번째 ")


def test_a_message_is_changed_and_what_it_led_to_taken_back() -> None:
    session = Parrot()
    talk(session, f"one{ENTER}two{ENTER}/edit{ENTER} more{ENTER}{CTRL_D}")
    assert session.turns == ("one", "ONE ", "two more", "TWO MORE ")


@pytest.mark.parametrize("given_up", [CTRL_C, f"\x15{ENTER}"])  # Ctrl-U empties the line
def test_a_change_that_is_given_up_leaves_all_as_it_was(given_up: str) -> None:
    session = Parrot()
    talk(session, f"one{ENTER}/edit{ENTER} more{given_up}next{ENTER}{CTRL_D}")
    assert session.turns == ("one", "ONE ", "next", "NEXT ")


def test_times_are_shown_until_they_are_not() -> None:
    screen = talk(Parrot(), f"one{ENTER}/times{ENTER}two{ENTER}{CTRL_D}")
    before, after = screen.split("times are not shown")
    assert re.search(r"bot: ONE \n\(\d+ ms to the first piece, \d+ in all\)\n", before)
    assert "bot: TWO \n" in after
    assert "first piece" not in after


def test_the_arrow_gives_what_was_typed_before() -> None:
    session, history = Parrot(), InMemoryHistory()
    talk(session, f"hello{ENTER}{CTRL_D}", history)
    talk(session, f"{UP} again{ENTER}{CTRL_D}", history)
    assert session.turns[2] == "hello again"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/re", ["/reset", "/retry"]),
        ("/tr", ["/transcript"]),
        ("/sav", ["/save", "/save!"]),
        ("/settings ", list(SETTINGS)),
        ("/settings t", ["temperature", "top_k", "top_p"]),
        ("say /re", []),
        ("hello", []),
    ],
)
def test_completion(typed: str, completed: list[str]) -> None:
    completions = _completer(Commands(Parrot())).get_completions(
        Document(typed), CompleteEvent(completion_requested=True)
    )
    assert sorted(each.text for each in completions) == sorted(completed)


def test_files_are_completed(tmp_path: Path) -> None:
    (tmp_path / "chat.json").touch()
    completions = _completer(Commands(Parrot())).get_completions(
        Document(f"/load {tmp_path}/ch"), CompleteEvent(completion_requested=True)
    )
    assert [each.text for each in completions] == ["at.json"]


def test_what_was_typed_is_kept_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    history = _file_history()
    assert isinstance(history, FileHistory)
    history.append_string("안녕\nbroken \udcff")
    path = tmp_path / "state" / "seq2seq" / "chat_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(_file_history().load_history_strings()) == ["안녕\nbroken ?"]


def test_history_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "occupied").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "occupied"))
    assert isinstance(_file_history(), InMemoryHistory)


def test_typing_before_a_prompt_is_not_echoed() -> None:
    master, slave = os.openpty()

    class Terminal(DummyInput):
        def fileno(self) -> int:
            return slave

    def echoes() -> bool:
        return bool(termios.tcgetattr(slave)[3] & termios.ECHO)

    try:
        with create_app_session(input=Terminal()):
            assert echoes()
            with _type_ahead():
                assert not echoes()
            assert echoes()
    finally:
        os.close(master)
        os.close(slave)


def test_the_welcome_fits_a_narrow_window() -> None:
    lines = talk(Parrot(), CTRL_D).splitlines()[:2]
    assert all(len(line) <= 40 for line in lines)
