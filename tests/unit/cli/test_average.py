from pathlib import Path

import pytest

from pipeline import Translator
from pipeline.cli import average
from pipeline.errors import ConfigError, ModelError

LINES = ["A man in a red shirt.", "", "Two"]


def test_the_mean_of_a_model_with_itself_translates_as_it_does(
    tiny_translator_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, folder = str(tiny_translator_folder), tmp_path / "mean"
    average.run([model, model, "--output", str(folder)])
    assert capsys.readouterr().out.splitlines() == [
        f"model       {folder}",
        f"next        seq2seq evaluate {folder} --split validation",
    ]
    found, expected = (
        Translator.from_pretrained(each).translate(LINES) for each in (folder, model)
    )
    assert found == expected
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# mean\n")
    assert f"`seq2seq average {model} {model} --output {folder}`" in card


def test_nothing_is_overwritten(tiny_translator_folder: Path, tmp_path: Path) -> None:
    model = str(tiny_translator_folder)
    with pytest.raises(ConfigError, match="exists already; expected a new folder"):
        average.run([model, model, "--output", str(tmp_path)])


def test_it_asks_for_two_models(tiny_translator_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected two model folders or more"):
        average.run([str(tiny_translator_folder), "--output", str(tmp_path / "mean")])


def test_what_cannot_be_averaged_leaves_no_folder(
    tiny_translator_folder: Path, tiny_chat_folder: Path, tmp_path: Path
) -> None:
    models = [str(tiny_translator_folder), str(tiny_chat_folder)]
    with pytest.raises(ModelError, match="expected a model of the kind and sizes"):
        average.run([*models, "--output", str(tmp_path / "mean")])
    assert not (tmp_path / "mean").exists()
