import io
import sys
from pathlib import Path

import pytest

from pipeline import Translator
from pipeline.cli import translate
from pipeline.errors import ConfigError, DataError, ModelError

_LINES = [f"A man in a {word} shirt." for word in ("red", "green", "blue", "white", "black")]


@pytest.fixture
def translator(tiny_translator_folder: Path) -> Translator:
    return Translator.from_pretrained(tiny_translator_folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "lines.txt"
    file.write_text(_text([*_LINES, ""]), encoding="utf-8")
    return file


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("batch_size", ["1", "64"])
def test_a_file(
    tiny_translator_folder: Path,
    translator: Translator,
    file: Path,
    batch_size: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    translate.run([str(tiny_translator_folder), str(file), "--batch-size", batch_size])
    expected = translator.translate(_LINES)
    assert capsys.readouterr() == (_text([*expected, ""]), "")  # an empty line is kept


@pytest.mark.parametrize("words", [[], ["-"]])
def test_without_a_file_stdin_is_translated(
    tiny_translator_folder: Path,
    translator: Translator,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(_text(_LINES).encode())))
    translate.run([str(tiny_translator_folder), *words])
    assert capsys.readouterr().out == _text(translator.translate(_LINES))


def test_options_reach_the_translator(
    tiny_translator_folder: Path,
    translator: Translator,
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    translate.run([str(tiny_translator_folder), str(file), "--beam-size", "3"])
    expected = translator.translate(_LINES, beam_size=3)
    assert capsys.readouterr().out == _text([*expected, ""])
    assert expected != translator.translate(_LINES)


def test_a_missing_file_is_told_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing.txt: no such file"):
        translate.run([str(tmp_path / "no model"), "missing.txt"])


@pytest.mark.parametrize("option", ["--beam-size", "--batch-size"])
def test_sizes_are_one_or_more(tiny_translator_folder: Path, file: Path, option: str) -> None:
    with pytest.raises(ConfigError, match="size: expected 1 or more, got 0"):
        translate.run([str(tiny_translator_folder), str(file), option, "0"])


def test_models_that_cannot_translate(tiny_chat_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected translation"):
        translate.run([str(tiny_chat_folder)])
    with pytest.raises(ModelError, match="no such model folder"):
        translate.run([str(tmp_path / "nothing")])
