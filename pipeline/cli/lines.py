"""Commands that answer lines with lines, of a file or a pipe, in order."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from pipeline.errors import DataError

_LINES_AT_A_TIME = 1024


def require_file(name: str) -> None:
    """Check what a user typed before a model is loaded; `-` is stdin.

    Raises:
        DataError: There is no such file.
    """
    if name != "-" and not Path(name).is_file():
        raise DataError(f"{name}: no such file")


def answer_lines(name: str, answer: Callable[[list[str]], list[str]]) -> None:
    """Print the answer to each line of the file: mostly a line, or several.

    Raises:
        DataError: A line is not UTF-8.
    """
    with sys.stdin.buffer if name == "-" else Path(name).open("rb") as stream:
        # A person at a terminal wants the answer to a line before typing the next.
        lines_at_a_time = 1 if stream.isatty() else _LINES_AT_A_TIME
        lines = _decoded(stream, name)
        while chunk := list(islice(lines, lines_at_a_time)):
            sys.stdout.write("".join(f"{line}\n" for line in answer(chunk)))
            sys.stdout.flush()


def _decoded(stream: IO[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            where = "stdin" if name == "-" else name
            raise DataError(
                f"{where}, line {number}: expected UTF-8 text ({error.reason})"
            ) from error
