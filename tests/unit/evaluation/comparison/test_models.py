import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from pipeline.data.config import DataConfig
from pipeline.errors import ModelError
from pipeline.evaluation.comparison import common_directions, training_targets, was_split_alike
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel, load_model


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def translator(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


def _with(trained: TrainedModel, **data: Any) -> TrainedModel:
    config = DataConfig(**{"path": "x", "source": "de", "target": "en", **data})
    return replace(trained, data=asdict(config))


def test_tokenizers_and_corpora_may_differ(translator: TrainedModel) -> None:
    one, other = _with(translator), _with(translator, path="y", max_tokens=5)
    assert common_directions((one, other), ("one", "other")) == [("de", "en")]


def test_what_both_translate_is_compared(translator: TrainedModel) -> None:
    one = _with(translator, source="en", target=["de", "fr", "cs"])
    other = _with(translator, source=["en", "fr"], target=["de", "fr"])
    assert common_directions((one, other), ("a", "b")) == [("en", "de"), ("en", "fr")]
    assert common_directions((one, _with(translator, source="en", target="fr")), ("a", "b")) == [
        ("en", "fr")
    ]
    message = "^b: translates the column de to en; expected en to de, en to fr, en to cs, as a does"
    with pytest.raises(ModelError, match=message):
        common_directions((one, _with(translator)), ("a", "b"))


def test_columns_may_not(translator: TrainedModel) -> None:
    one, other = _with(translator), _with(translator, source="en", target="de")
    message = "^other: translates the column en to de; expected de to en, as one does$"
    with pytest.raises(ModelError, match=message):
        common_directions((one, other), ("one", "other"))


def test_both_are_translators(translator: TrainedModel, tiny_chat_folder: Path) -> None:
    chatbot = load_model(tiny_chat_folder)
    for models, name in (((chatbot, translator), "one"), ((translator, chatbot), "other")):
        with pytest.raises(ModelError, match=f"^{name}: a model for chat; expected translation$"):
            common_directions(models, ("one", "other"))


@pytest.mark.parametrize(
    ("data", "alike"),
    [
        ({"max_tokens": 5}, True),
        ({"path": "y"}, False),
        ({"split_by": "en"}, False),
        ({"held_out_rows": 10}, False),
    ],
)
def test_what_the_splits_depend_on(
    translator: TrainedModel, data: dict[str, Any], alike: bool
) -> None:
    assert was_split_alike((_with(translator), _with(translator, **data))) is alike


@pytest.mark.parametrize("has_validation", [True, False])
def test_languages_matter_where_splits_are_made(
    translator: TrainedModel, tmp_path: Path, has_validation: bool
) -> None:
    for split in ("train", "validation") if has_validation else ("train",):
        (tmp_path / f"{split}.tsv").write_text("de\ten\nx\ty\n", encoding="utf-8")
    one, other = (_with(translator, path=str(tmp_path), source=each) for each in ("de", ["de"]))
    assert was_split_alike((one, one))
    assert was_split_alike((other, other))
    assert was_split_alike((one, other)) is has_validation


def test_training_text_is_the_target_of_the_training_split(
    translator: TrainedModel, tmp_path: Path
) -> None:
    for split, texts in {"train": ["a  dog", "a cat"], "validation": ["an owl"]}.items():
        rows = [json.dumps({"de": "x", "en": text}) for text in texts]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    trained = _with(translator, path=str(tmp_path))
    assert training_targets(trained, Direction("de", "en")) == ["a dog", "a cat"]


def test_without_training_text_it_says_so_and_goes_on(
    translator: TrainedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        trained = _with(translator, path=str(tmp_path / "gone.tsv"))
        assert training_targets(trained, Direction("de", "en")) is None
    (record,) = caplog.records
    assert "no table by frequency of words" in record.getMessage()
    assert "gone.tsv" in record.getMessage()
