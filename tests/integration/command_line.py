"""`seq2seq` in this process, in a folder of its own, with nothing left behind."""

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import datasets
import pytest

from pipeline.cli.main import main


@dataclass(frozen=True)
class Finished:
    """What a command came to."""

    code: int
    out: str
    err: str


def seq2seq(*words: str, cwd: Path, stdin: bytes = b"") -> Finished:
    """Run a command in `cwd`; its cache is there too."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _nothing_left_behind(),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", cwd / "cache")
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(words)
    return Finished(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """`main` sets up the logging of a process, and Lightning its environment."""
    root = logging.getLogger()
    handlers, level, environment = list(root.handlers), root.level, dict(os.environ)
    root.handlers.clear()  # or `main` would close them
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        os.environ.clear()
        os.environ.update(environment)
