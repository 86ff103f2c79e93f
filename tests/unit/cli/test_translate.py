import io
import sys
from pathlib import Path

import pytest

from pipeline import Translator
from pipeline.cli import translate
from pipeline.errors import ConfigError, DataError, ModelError

_LINES = [f"A man in a {word} shirt." for word in ("red", "green", "blue", "white", "black")]


class Stdin:
    """Standard input, piped or typed."""

    def __init__(self, content: bytes, *, is_terminal: bool = False) -> None:
        class Stream(io.BytesIO):
            def isatty(self) -> bool:
                return is_terminal

        self.buffer = Stream(content)


class Stdout(io.StringIO):
    """Standard output that keeps what stood in it at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[str] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue())


@pytest.fixture(scope="module")
def expected(tiny_translator_folder: Path) -> list[str]:
    return Translator.from_pretrained(tiny_translator_folder).translate(_LINES)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_a_file(
    tiny_translator_folder: Path,
    tmp_path: Path,
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(_LINES), encoding="utf-8")  # without a line break at the end
    translate.run([str(tiny_translator_folder), str(file)])
    assert capsys.readouterr() == (_text(expected), "")


@pytest.mark.parametrize("lines_at_a_time", [1, 2, 1024])
@pytest.mark.parametrize("batch_size", ["1", "64"])
def test_lines_come_in_order_whatever_is_done_together(
    tiny_translator_folder: Path,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    lines_at_a_time: int,
    batch_size: str,
) -> None:
    stdout = Stdout()
    monkeypatch.setattr(translate, "_LINES_AT_A_TIME", lines_at_a_time)
    monkeypatch.setattr(sys, "stdin", Stdin(_text(_LINES).encode()))
    monkeypatch.setattr(sys, "stdout", stdout)
    translate.run([str(tiny_translator_folder), "-", "--batch-size", batch_size])
    assert stdout.getvalue() == _text(expected)
    done = range(lines_at_a_time, len(_LINES) + lines_at_a_time, lines_at_a_time)
    assert stdout.flushed == [_text(expected[:n]) for n in done]


def test_at_a_terminal_each_line_is_answered_at_once(
    tiny_translator_folder: Path, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = Stdout()
    monkeypatch.setattr(sys, "stdin", Stdin(_text(_LINES).encode(), is_terminal=True))
    monkeypatch.setattr(sys, "stdout", stdout)
    translate.run([str(tiny_translator_folder)])
    assert stdout.flushed == [_text(expected[:n]) for n in range(1, len(_LINES) + 1)]


def test_options_reach_the_translator(
    tiny_translator_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(_text(_LINES).encode()))
    translate.run([str(tiny_translator_folder), "--beam-size", "3"])
    translator = Translator.from_pretrained(tiny_translator_folder)
    assert capsys.readouterr().out == _text(translator.translate(_LINES, beam_size=3))


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_a_file_that_is_not_there(tiny_translator_folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="no such file"):
        translate.run([str(tiny_translator_folder), str(tmp_path / name)])


def test_a_missing_file_is_told_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing.txt: no such file"):
        translate.run([str(tmp_path / "no model"), "missing.txt"])


def test_what_is_not_utf8_is_named_by_its_line(
    tiny_translator_folder: Path,
    tmp_path: Path,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes(_text(_LINES[:2]).encode() + "Größe\n".encode("latin-1"))
    monkeypatch.setattr(translate, "_LINES_AT_A_TIME", 1)
    with pytest.raises(DataError, match="latin.txt, line 3: expected UTF-8 text"):
        translate.run([str(tiny_translator_folder), str(file)])
    assert capsys.readouterr().out == _text(expected[:2])
    monkeypatch.setattr(sys, "stdin", Stdin(b"\xff\n"))
    with pytest.raises(DataError, match="stdin, line 1: expected UTF-8 text"):
        translate.run([str(tiny_translator_folder)])


@pytest.mark.parametrize("option", ["--beam-size", "--batch-size"])
def test_sizes_are_one_or_more(
    tiny_translator_folder: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"Two\n"))
    with pytest.raises(ConfigError, match="size: expected 1 or more, got 0"):
        translate.run([str(tiny_translator_folder), option, "0"])


def test_models_that_cannot_translate(tiny_chat_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected translation"):
        translate.run([str(tiny_chat_folder)])
    with pytest.raises(ModelError, match="no such model folder"):
        translate.run([str(tmp_path / "nothing")])
