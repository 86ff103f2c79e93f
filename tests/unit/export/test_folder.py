import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pipeline.export.folder
from pipeline import OnnxTranslator
from pipeline.errors import ConfigError, ModelError
from pipeline.export import export_model
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.prepared import can_be_prepared
from pipeline.tokenizer import Tokenizer
from tests.exporting import exported, tiny_translator

FILES = {"README.md", "config.json", "decoder.onnx", "encoder.onnx", "tokenizer.model"}


@pytest.fixture
def trained(tiny_tokenizer: Tokenizer) -> TrainedModel:
    return tiny_translator(tiny_tokenizer)


def _files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_the_folder_holds_all_that_is_needed_and_says_what_it_is(
    trained: TrainedModel, tmp_path: Path
) -> None:
    scored = replace(trained, scores={"test": {"bleu": 12.3456}})
    folder = exported(scored, tmp_path / "new" / "model", command="seq2seq export run --output x")
    assert _files(folder) == FILES
    assert _files(folder.parent) == {"model"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["format"], config["format_version"], config["precision"]) == ("onnx", 1, "fp32")
    assert config["data"] == trained.data
    card = (folder / "README.md").read_text(encoding="utf-8")
    for part in (
        "# tiny, as ONNX\n",
        "| precision | float32",
        "| exported by | `seq2seq export run --output x` |",
        "| data | `pairs.tsv`, en to ko |",
        "| trained by | `train` |",
        "| bleu | 12.35 |",
        'OnnxTranslator.from_pretrained("this/folder")("...")\n',
    ):
        assert part in card


def test_the_card_of_several_languages_says_how_to_choose_one(
    tiny_multilingual_folder: Path, tmp_path: Path
) -> None:
    folder = exported(load_model(tiny_multilingual_folder), tmp_path / "model", precision="int8")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert '("...", target_language="de")' in card
    assert "| precision | 8 bits" in card


def test_an_earlier_export_is_replaced_whole(trained: TrainedModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()  # an empty one may be there
    exported(trained, folder)
    (folder / "notes.txt").write_text("of the first", encoding="utf-8")
    other = replace(trained, name="other")
    exported(other, folder, precision="int8")
    assert _files(folder) == FILES
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["name"] == "other"
    assert _files(tmp_path) == {"model"}


def test_nothing_else_is_overwritten(
    trained: TrainedModel, tiny_translator_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    for place in (file, tmp_path, tiny_translator_folder):
        before = _files(place) if place.is_dir() else place.read_bytes()
        with pytest.raises(ConfigError, match=f"^{place}: expected a new folder or one of an"):
            export_model(trained, place)
        assert before == (_files(place) if place.is_dir() else place.read_bytes())


def test_where_it_fails_the_folder_is_as_it_was(
    trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported(trained, tmp_path / "model")
    expected = OnnxTranslator.from_pretrained(folder)("Two")

    def fail(*_: Any, **__: Any) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(pipeline.export.folder, "card", fail)
    for place in (folder, tmp_path / "another"):
        with pytest.raises(OSError, match="disk full"):
            export_model(trained, place)
    assert _files(tmp_path) == {"model"}
    assert OnnxTranslator.from_pretrained(folder)("Two") == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cell": "elman"}, "model.cell: expected gru or lstm for an export, got elman"),
        ({"cell": "ln_lstm"}, "model.cell: expected gru or lstm for an export, got ln_lstm"),
        ({"attention": "additive"}, "model.attention: expected none or dot or general .* additive"),
        ({"attention": "multi_head"}, "model.attention: .* got multi_head"),
        (
            {"attention_after": "each", "num_layers": 2},
            "model.attention_after: expected last for an export, got each",
        ),
        ({"input_feeding": True}, "model.input_feeding: expected False for an export, got True"),
        ({"memory": "recurrent"}, "model.memory: expected none for an export, got recurrent"),
    ],
)
def test_a_network_that_cannot_be_exported_is_an_error_that_names_the_key(
    tiny_tokenizer: Tokenizer, tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    trained = tiny_translator(tiny_tokenizer, **values)
    assert not can_be_prepared(trained.model)
    with pytest.raises(ModelError, match=f"^tiny: {message}$"):
        export_model(trained, tmp_path / "model")
    assert not _files(tmp_path)


def test_a_chatbot_cannot_be_exported(tiny_chat_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="^tiny-chat: a model for chat; expected translation$"):
        export_model(load_model(tiny_chat_folder), tmp_path / "model")
