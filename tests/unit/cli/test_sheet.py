import json
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import torch

from pipeline.cli import sheet
from pipeline.errors import ConfigError, ModelError
from pipeline.model_folder import load_model, save_model


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def folders(tiny_chat_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("two")
    for name in ("a", "b"):
        trained = load_model(tiny_chat_folder)
        if name == "b":
            with torch.no_grad():
                trained.model.decoder.W_c.weight.neg_()
        save_model(replace(trained, data={**trained.data, "tokenizer": {}}), root / name)
    return str(root / "a"), str(root / "b")


def test_a_sheet_is_one_new_file(
    folders: tuple[str, str], talk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "sheet.html"
    sheet.run([*folders, "--data", talk, "--num", "5", "--seed", "2", "--output", str(output)])
    page = output.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert '"seed": 2' in page
    assert all(json.dumps(folder) in page for folder in folders)
    assert capsys.readouterr().out == f"{output}\n"
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(ConfigError, match="exists already; expected a new name$"):
        sheet.run([*folders, "--data", talk, "--output", str(output)])
    assert output.read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "x.html", "--num", "0"], "^--num: expected 1 or more, got 0$"),
        (["--output", "nowhere/x.html"], "^--output nowhere/x.html: no such folder$"),
        (["--output", "x.html", "--top-p", "0"], "^top_p: expected 0 < top_p <= 1, got 0.0$"),
        ([], "the following arguments are required: --output"),
    ],
)
def test_mistakes_are_one_line(
    folders: tuple[str, str],
    talk: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        sheet.run([*folders, "--data", talk, "--temperature", "0.5", *options])
    assert not (tmp_path / "x.html").exists()


def test_both_are_chatbots(
    folders: tuple[str, str], tiny_translator_folder: Path, tmp_path: Path
) -> None:
    chatbot, translator = folders[0], str(tiny_translator_folder)
    for models in ((chatbot, translator), (translator, chatbot)):
        with pytest.raises(ModelError, match="a model for translation; expected chat$"):
            sheet.run([*models, "--output", str(tmp_path / "x.html")])
