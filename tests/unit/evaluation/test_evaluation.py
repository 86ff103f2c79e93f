from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest

from pipeline.data.config import DataConfig
from pipeline.evaluation import (
    GenerationScores,
    Numbers,
    Pairs,
    evaluate,
    load_references,
    score_chat,
    score_classifier,
    score_forecaster,
    score_language_model,
    score_translations,
)
from pipeline.model_folder import TrainedModel, load_model
from pipeline.task import Task
from pipeline.tokenizer import Tokenizer
from tests.building import build_untrained

_PAIRS = Pairs(
    split="test",
    sources=["The little dog runs.", "Two", "Where is the station?"],
    references=["7", "8", "7"],
)
_NUMBERS = Numbers(split="test", values=np.array([7.0, 8.0, 7.0], dtype=np.float32))


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def _trained(task: Task, tokenizer: Tokenizer) -> TrainedModel:
    labels = ["8", "7"] if task == "classification" else None
    config = DataConfig(path="x", task=task, labels=labels)
    return build_untrained(config, *([] if task == "forecast" else [tokenizer]))


def test_each_kind_gets_its_scores(tiny_tokenizer: Tokenizer) -> None:
    classifier = _trained("classification", tiny_tokenizer)
    assert evaluate(classifier, _PAIRS) == score_classifier(classifier, _PAIRS)
    language_model = _trained("language_model", tiny_tokenizer)
    assert evaluate(language_model, _PAIRS) == score_language_model(language_model, _PAIRS)
    forecaster = _trained("forecast", tiny_tokenizer)
    assert evaluate(forecaster, _NUMBERS) == score_forecaster(forecaster, _NUMBERS)


@pytest.mark.parametrize(
    ("name", "score"),
    [("tiny_translator_folder", score_translations), ("tiny_chat_folder", score_chat)],
)
def test_what_writes_text_is_decoded_with_the_beam_that_was_asked_for(
    request: pytest.FixtureRequest, name: str, score: Callable[..., GenerationScores]
) -> None:
    trained = load_model(request.getfixturevalue(name))
    scores = evaluate(trained, _PAIRS, beam_size=3, batch_size=2)
    assert isinstance(scores, GenerationScores)
    assert scores.beam_size == 3
    assert scores.hypotheses == score(trained, _PAIRS, beam_size=3).hypotheses
    assert scores.hypotheses != score(trained, _PAIRS).hypotheses


@pytest.mark.parametrize("task", ["translation", "classification", "language_model", "forecast"])
def test_references_are_what_the_task_needs(
    tiny_tokenizer: Tokenizer, tmp_path: Path, task: Task
) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("source\ttarget\na\t7\nb\t8\nc\t9\n", encoding="utf-8")
    references = load_references(_trained(task, tiny_tokenizer), path=str(path), split="test")
    assert references.split == str(path)
    match task:
        case "forecast":
            assert isinstance(references, Numbers)
            assert references.values.tolist() == [7, 8, 9]
            return
        case "classification":  # 9 is a label that it does not know
            expected = [("a", "7"), ("b", "8")]
        case "language_model":
            expected = [("7", "7"), ("8", "8"), ("9", "9")]
        case _:
            expected = [("a", "7"), ("b", "8"), ("c", "9")]
    assert isinstance(references, Pairs)
    assert list(zip(references.sources, references.references, strict=True)) == expected


def test_every_split_of_the_corpus_can_be_asked_for(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("\n".join(["target", *map(str, range(30))]), encoding="utf-8")
    config = DataConfig(path=str(path), task="forecast")
    references = load_references(build_untrained(config), path=None, split="validation")
    assert isinstance(references, Numbers)
    assert references.values.tolist() == [24, 25, 26]
