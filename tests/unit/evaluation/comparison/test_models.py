import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from pipeline.data.config import DataConfig
from pipeline.errors import ModelError
from pipeline.evaluation.comparison import expect_comparable, training_targets, was_split_alike
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
    expect_comparable((one, other), ("one", "other"))


def test_columns_may_not(translator: TrainedModel) -> None:
    one, other = _with(translator), _with(translator, source="en", target="de")
    message = "^other: translates the column en to de; expected de to en, as one does$"
    with pytest.raises(ModelError, match=message):
        expect_comparable((one, other), ("one", "other"))


def test_both_are_translators(translator: TrainedModel, tiny_chat_folder: Path) -> None:
    chatbot = load_model(tiny_chat_folder)
    for models, name in (((chatbot, translator), "one"), ((translator, chatbot), "other")):
        with pytest.raises(ModelError, match=f"^{name}: a model for chat; expected translation$"):
            expect_comparable(models, ("one", "other"))


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


def test_training_text_is_the_target_of_the_training_split(
    translator: TrainedModel, tmp_path: Path
) -> None:
    for split, texts in {"train": ["a  dog", "a cat"], "validation": ["an owl"]}.items():
        rows = [json.dumps({"de": "x", "en": text}) for text in texts]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert training_targets(_with(translator, path=str(tmp_path))) == ["a dog", "a cat"]


def test_without_training_text_it_says_so_and_goes_on(
    translator: TrainedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert training_targets(_with(translator, path=str(tmp_path / "gone.tsv"))) is None
    (record,) = caplog.records
    assert "no table by frequency of words" in record.getMessage()
    assert "gone.tsv" in record.getMessage()
