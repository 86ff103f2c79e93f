"""The files of a chat: conversations that are kept and gone on with, and transcripts to read."""

import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from pipeline.errors import ConfigError, DataError
from pipeline.text import replace_surrogates

_SPEAKERS = ("you", "bot")


def write_new(path: str, text: str, *, advice: str, over: bool = False) -> Path:
    """Write a file in one move: never half of it, and no old one is lost unless asked.

    Args:
        path: Of the file; `~` is the home.
        text: What it will hold.
        advice: What to do where there is one already.
        over: Whether an old one is written over.

    Raises:
        DataError: There is one already, or it cannot be written.
    """
    try:
        target = Path(path).expanduser()
        if target.exists() and not over:
            raise DataError(f"{target}: exists already; {advice}")
        unfinished = target.with_name(target.name + ".partial")
        try:
            unfinished.write_bytes(replace_surrogates(text).encode())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be written ({_reason(error)})") from error
    return target


def read(path: str) -> str:
    """The text of a file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return Path(path).expanduser().read_bytes().decode()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read ({_reason(error)})") from error


def transcript(turns: Sequence[str], path: str) -> str:
    """The conversation in the format that the file's name asks for.

    Raises:
        ConfigError: It ends neither in .md nor in .jsonl.
    """
    spoken = list(zip(cycle(_SPEAKERS), turns, strict=False))
    match Path(path).suffix.lower():
        case ".md":
            lines = [f"**{speaker}:** {_escaped(turn)}\n" for speaker, turn in spoken]
            return "\n".join(lines)
        case ".jsonl":
            rows = [{"speaker": speaker, "text": turn} for speaker, turn in spoken]
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    raise ConfigError(f"{path}: expected a name that ends in .md or .jsonl")


def _escaped(text: str) -> str:
    """What a reader of Markdown sees as it was said."""
    marks = dict.fromkeys("\\`*_[]<>#", "")
    return "".join(f"\\{letter}" if letter in marks else letter for letter in text)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
