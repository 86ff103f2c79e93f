import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

import pipeline.cli.translate
from pipeline.cli.main import DONE, FAILED, INTERRUPTED, MISTAKE, main
from pipeline.errors import ConfigError, DataError, ModelError, UserError


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("pipeline")
    handlers, level, own_level = list(root.handlers), root.level, own.level
    root.handlers.clear()  # or `main` would close them
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    own.setLevel(own_level)


def _translate_raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(arguments: Sequence[str]) -> None:
        raise error

    monkeypatch.setattr(pipeline.cli.translate, "run", run)


def test_the_codes_are_those_of_the_contract() -> None:
    assert (DONE, FAILED, MISTAKE, INTERRUPTED) == (0, 1, 2, 130)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == DONE
    out, err = capsys.readouterr()
    assert err == ""
    for command in ("train", "evaluate", "compare", "translate", "chat", "classify", "--debug"):
        assert f"\n  {command} " in out


@pytest.mark.parametrize(
    "command", ["train", "evaluate", "compare", "translate", "chat", "classify"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == DONE
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: seq2seq {command}")
    assert err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == DONE
    assert capsys.readouterr().out == version("seq2seq-pipeline") + "\n"


def test_words_come_from_the_command_line_when_none_are_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["seq2seq", "--version"])
    assert main() == DONE
    assert capsys.readouterr().out


def test_a_command_gets_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(pipeline.cli.translate, "run", given.extend)
    assert main(["translate", "model", "--debug", "--beam-size", "5"]) == DONE
    assert given == ["model", "--beam-size", "5"]


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == MISTAKE
    out, err = capsys.readouterr()
    assert out == ""
    commands = (
        "train, evaluate, compare, sheet, translate, chat, classify, average, distill, export, "
        "inspect"
    )
    assert err == f"error: no command 'trian'; expected one of {commands}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["translate"],
        ["translate", "model", "--nope"],
        ["classify"],
        ["evaluate", "model", "--beam-size", "two"],
        ["evaluate", "nowhere"],
        ["train", "--seed", "1"],
        ["train", "--nope"],
    ],
)
def test_a_mistake_is_one_line_on_stderr(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == MISTAKE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("x.csv, row 3: wrong"), MISTAKE, "error: x.csv, row 3: wrong"),
        (ConfigError("model.cell: wrong"), MISTAKE, "error: model.cell: wrong"),
        (DataError("a\n  b"), MISTAKE, "error: a b"),
        (ModelError("no such model"), MISTAKE, "error: no such model"),
        (ValueError("a\nb"), FAILED, "error: ValueError: a b (--debug shows where)"),
        (RuntimeError(), FAILED, "error: RuntimeError: RuntimeError (--debug shows where)"),
        (OSError(28, "No space left"), FAILED, "error: OSError: [Errno 28] No space left"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    message: str,
) -> None:
    _translate_raises(monkeypatch, error)
    assert main(["translate"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize(("error", "code"), [(DataError("x"), MISTAKE), (KeyError("x"), FAILED)])
@pytest.mark.parametrize("words", [["--debug", "translate"], ["translate", "--debug"]])
def test_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    error: Exception,
    code: int,
) -> None:
    _translate_raises(monkeypatch, error)
    assert main(words) == code
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert Path(__file__).name in err
    assert err.splitlines()[-1].startswith("error: ")


def test_an_interrupt_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _translate_raises(monkeypatch, KeyboardInterrupt())
    assert main(["translate"]) == INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_logs_go_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: Sequence[str]) -> None:
        logging.getLogger("pipeline.anything").info("step %d", 3)

    monkeypatch.setattr(pipeline.cli.translate, "run", run)
    assert main(["translate"]) == DONE
    assert capsys.readouterr() == ("", "step 3\n")


def _start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )


def test_a_reader_that_has_had_enough_is_no_error(tiny_translator_folder: Path) -> None:
    with _start(tiny_translator_folder, "translate") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(b"Two\n", timeout=60)
    assert (process.returncode, errors) == (FAILED, b"")


def test_an_interrupted_process_leaves_with_130(tiny_translator_folder: Path) -> None:
    with _start(tiny_translator_folder, "translate") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Two\n" * 1024)  # as many as are translated together
        process.stdin.flush()
        assert process.stdout.readline()  # and it waits for more
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (INTERRUPTED, b"")


def test_train_without_arguments_is_a_mistake() -> None:
    assert main(["train"]) == MISTAKE


def test_of_libraries_the_warnings_alone_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    for name in ("matplotlib.font_manager", "pipeline.training.run"):
        logging.getLogger(name).info("%s tells", name)
        logging.getLogger(name).warning("%s warns", name)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "matplotlib.font_manager warns",
        "pipeline.training.run tells",
        "pipeline.training.run warns",
    ]
