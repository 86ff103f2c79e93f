import io
import sys
from pathlib import Path

import pytest

from pipeline.cli import lines
from pipeline.cli.lines import answer_lines, require_file
from pipeline.errors import DataError

_LINES = ["one", "", " two\t", "안녕", "a\rb\x0cc\u2028d", "five", "one"]
_ANSWERS = [f"<{line.strip()}>" for line in _LINES]


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


def _text(some: list[str]) -> str:
    return "".join(f"{line}\n" for line in some)


def _answer(some: list[str]) -> list[str]:
    assert some
    return [f"<{line.strip()}>" for line in some]


@pytest.mark.parametrize("end", ["", "\n"])
def test_every_line_of_a_file_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(("\n".join(_LINES) + end).encode())
    answer_lines(str(file), _answer)
    assert capsys.readouterr() == (_text(_ANSWERS), "")


@pytest.mark.parametrize("lines_at_a_time", [1, 2, 1024])
def test_lines_come_in_order_whatever_is_done_together(
    monkeypatch: pytest.MonkeyPatch, lines_at_a_time: int
) -> None:
    stdout = Stdout()
    monkeypatch.setattr(lines, "_LINES_AT_A_TIME", lines_at_a_time)
    monkeypatch.setattr(sys, "stdin", Stdin(_text(_LINES).encode()))
    monkeypatch.setattr(sys, "stdout", stdout)
    answer_lines("-", _answer)
    assert stdout.getvalue() == _text(_ANSWERS)
    done = range(lines_at_a_time, len(_LINES) + lines_at_a_time, lines_at_a_time)
    assert stdout.flushed == [_text(_ANSWERS[:n]) for n in done]


def test_at_a_terminal_each_line_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Stdout()
    monkeypatch.setattr(sys, "stdin", Stdin(_text(_LINES).encode(), is_terminal=True))
    monkeypatch.setattr(sys, "stdout", stdout)
    answer_lines("-", _answer)
    assert stdout.flushed == [_text(_ANSWERS[:n]) for n in range(1, len(_LINES) + 1)]


def test_nothing_is_answered_with_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.txt").touch()
    answer_lines(str(tmp_path / "empty.txt"), _answer)
    assert capsys.readouterr() == ("", "")


def test_what_is_not_utf8_is_named_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes(b"one\ntwo\n" + "Größe\n".encode("latin-1"))
    monkeypatch.setattr(lines, "_LINES_AT_A_TIME", 1)
    with pytest.raises(DataError, match="latin.txt, line 3: expected UTF-8 text"):
        answer_lines(str(file), _answer)
    assert capsys.readouterr().out == "<one>\n<two>\n"
    monkeypatch.setattr(sys, "stdin", Stdin(b"\xff\n"))
    with pytest.raises(DataError, match="^stdin, line 1: expected UTF-8 text"):
        answer_lines("-", _answer)


def test_a_file_is_required_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "here.txt").touch()
    require_file(str(tmp_path / "here.txt"))
    require_file("-")
    for name in ("missing.txt", "."):
        with pytest.raises(DataError, match="no such file$"):
            require_file(str(tmp_path / name))
