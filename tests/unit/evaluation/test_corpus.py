import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import datasets
import numpy as np
import pytest

from pipeline.data.config import DataConfig
from pipeline.errors import DataError
from pipeline.evaluation import data_config, load_numbers, load_pairs
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel, load_model, save_model
from pipeline.tokenizer import Tokenizer, TokenizerConfig
from tests.building import build_untrained


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def translator(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


@pytest.fixture(scope="module")
def chatbot(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


def test_a_data_section_comes_back_from_the_model_folder(
    translator: TrainedModel, tmp_path: Path
) -> None:
    config = DataConfig(
        path=["a.de", "a.en"],
        split_by="target",
        held_out_rows=7,
        tokenizer=TokenizerConfig(vocab_size=330, joint=False, sampling_alpha=0.25),
    )
    save_model(replace(translator, data=asdict(config)), tmp_path / "model")
    assert data_config(load_model(tmp_path / "model")) == config


def test_another_corpus_takes_the_place_of_the_models_own(chatbot: TrainedModel) -> None:
    one = DataConfig(path="a.jsonl", dialogue="turns")
    mixture = replace(one, path=["a.jsonl", "b.jsonl"], repeats=[2, 3])
    for config, path in ((one, "c.jsonl"), (mixture, ["c.jsonl"])):
        trained = replace(chatbot, data=asdict(config))
        assert data_config(trained, "c.jsonl") == replace(config, path=path, repeats=None)


@pytest.fixture
def with_corpus(translator: TrainedModel, tmp_path: Path) -> TrainedModel:
    rows = [json.dumps({"en": f"dog  {n}", "ko": f"강아지 {n}"}) for n in range(30)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows), encoding="utf-8")
    config = DataConfig(path=str(tmp_path / "pairs.jsonl"), source="en", target="ko")
    return replace(translator, data=asdict(config))


def test_pairs_of_the_corpus_it_was_trained_on(with_corpus: TrainedModel) -> None:
    splits = {
        split: load_pairs(with_corpus, path=None, split=split)
        for split in ("train", "validation", "test")
    }
    assert {split: len(pairs.sources) for split, pairs in splits.items()} == {
        "train": 24,
        "validation": 3,
        "test": 3,
    }
    assert {pairs.split for pairs in splits.values()} == set(splits)
    sources = [source for pairs in splits.values() for source in pairs.sources]
    assert sorted(sources) == sorted(f"dog {n}" for n in range(30))  # spaces made single


def test_pairs_of_a_single_file_are_all_of_it(with_corpus: TrainedModel, tmp_path: Path) -> None:
    path = str(tmp_path / "pairs.jsonl")
    pairs = load_pairs(with_corpus, path=path, split="test")
    assert pairs.split == path
    assert list(pairs.sources) == [f"dog {n}" for n in range(30)]
    assert list(pairs.references) == [f"강아지 {n}" for n in range(30)]


def test_splits_that_are_not_there_and_splits_without_pairs(
    with_corpus: TrainedModel, chatbot: TrainedModel, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no split 'dev2'; it has train, validation, test"):
        load_pairs(with_corpus, path=None, split="dev2")
    (tmp_path / "talk.jsonl").write_text('{"turns": ["alone"]}\n', encoding="utf-8")
    config = DataConfig(path="x", dialogue="turns")
    with pytest.raises(DataError, match="talk.jsonl: no pair in the split 'test'"):
        load_pairs(
            replace(chatbot, data=asdict(config)), path=str(tmp_path / "talk.jsonl"), split="test"
        )


@pytest.fixture
def classifier(tiny_tokenizer: Tokenizer, tmp_path: Path) -> TrainedModel:
    """It knows the labels b and a, and its corpus has another."""
    rows = [{"text": f"dog  {n}", "kind": "abx"[n % 3]} for n in range(30)]
    path = tmp_path / "kinds.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    config = DataConfig(
        path=str(path), source="text", target="kind", task="classification", labels=["b", "a"]
    )
    return build_untrained(config, tiny_tokenizer)


def test_a_classifier_is_judged_by_the_labels_that_it_knows(classifier: TrainedModel) -> None:
    config = data_config(classifier)
    pairs = load_pairs(classifier, path=str(config.path), split="test")
    known = [n for n in range(30) if n % 3 != 2]
    assert list(pairs.sources) == [f"dog {n}" for n in known]
    assert list(pairs.references) == ["abx"[n % 3] for n in known]


def test_splits_of_a_classifier_are_those_of_its_training(classifier: TrainedModel) -> None:
    splits = ("train", "validation", "test")
    pairs = [load_pairs(classifier, path=None, split=split) for split in splits]
    assert [each.split for each in pairs] == list(splits)
    sources = [source for each in pairs for source in each.sources]
    assert sorted(sources) == sorted(f"dog {n}" for n in range(30) if n % 3 != 2)


def test_a_split_of_unknown_labels_cannot_judge(classifier: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "unknown.tsv"
    path.write_text("text\tkind\none\tx\ntwo\ty\n", encoding="utf-8")
    with pytest.raises(DataError, match="unknown.tsv: no pair in the split 'test'"):
        load_pairs(classifier, path=str(path), split="test")


def test_the_references_of_a_language_model_are_its_text(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "text.tsv"
    path.write_text("text\n dog  1\ndog 2\n", encoding="utf-8")
    config = DataConfig(path="x", target="text", task="language_model")
    pairs = load_pairs(build_untrained(config, tiny_tokenizer), path=str(path), split="test")
    assert list(pairs.references) == list(pairs.sources) == ["dog 1", "dog 2"]


@pytest.fixture
def forecaster(tmp_path: Path) -> TrainedModel:
    path = _write_numbers(tmp_path / "numbers.csv", range(40))
    return build_untrained(
        DataConfig(path=path, target="value", task="forecast", held_out_rows=3, max_tokens=4)
    )


def _write_numbers(path: Path, numbers: Sequence[float]) -> str:
    path.write_text("\n".join(["value", *map(str, numbers)]), encoding="utf-8")
    return str(path)


def test_numbers_of_the_series_it_was_trained_on(forecaster: TrainedModel) -> None:
    expected = {"train": range(34), "validation": range(34, 37), "test": range(37, 40)}
    for split, values in expected.items():
        numbers = load_numbers(forecaster, path=None, split=split)
        assert numbers.split == split
        assert numbers.values.dtype == np.float32
        assert numbers.values.tolist() == list(values)


def test_numbers_of_a_single_file_are_all_of_it(forecaster: TrainedModel, tmp_path: Path) -> None:
    path = _write_numbers(tmp_path / "other.csv", [2.5, -1.0, 0.25])
    numbers = load_numbers(forecaster, path=path, split="test")
    assert numbers.split == path
    assert numbers.values.tolist() == [2.5, -1.0, 0.25]


def test_one_number_is_no_series(forecaster: TrainedModel, tmp_path: Path) -> None:
    path = _write_numbers(tmp_path / "other.csv", [2.5])
    message = "other.csv: expected two numbers or more in the split 'test'"
    with pytest.raises(DataError, match=message):
        load_numbers(forecaster, path=path, split="test")
    with pytest.raises(DataError, match="no split 'dev2'; it has train, validation, test"):
        load_numbers(forecaster, path=None, split="dev2")


def test_another_corpus_than_those_of_a_mixture_is_taken_once(
    chatbot: TrainedModel, tmp_path: Path
) -> None:
    talk = tmp_path / "talk.jsonl"
    talk.write_text(json.dumps({"turns": ["a", "b", "c"]}) + "\n", encoding="utf-8")
    config = DataConfig(path=["gone.jsonl", "gone.csv"], dialogue="turns", repeats=[1, 3])
    trained = replace(chatbot, data=asdict(config))
    assert load_pairs(trained, path=str(talk), split="test").references == ["b", "c"]


def test_of_several_languages_the_pairs_of_a_direction(tiny_multilingual_folder: Path) -> None:
    trained = load_model(tiny_multilingual_folder)
    direction = Direction("en", "ko")
    pairs = load_pairs(trained, path=None, split="test", direction=direction)
    assert list(pairs.sources) == ["Bicycle 0.", "Bicycle 1.", "Bicycle 3."]  # row 2 has no Korean
    assert list(pairs.references) == ["강아지 0.", "강아지 1.", "강아지 3."]
    assert pairs.direction == direction
    assert pairs.target_language == "ko"


def test_a_split_without_a_direction_is_said(
    tiny_multilingual_folder: Path, tmp_path: Path
) -> None:
    trained = load_model(tiny_multilingual_folder)
    (tmp_path / "a.tsv").write_text("en\tde\na\tb\n", encoding="utf-8")
    path = str(tmp_path / "a.tsv")
    german = load_pairs(trained, path=path, split="x", direction=Direction("en", "de"))
    assert list(german.references) == ["b"]
    with pytest.raises(DataError, match="no pair of en to ko in the split 'x'$"):
        load_pairs(trained, path=path, split="x", direction=Direction("en", "ko"))


def test_splits_that_are_made_are_those_of_all_languages(
    tiny_multilingual_folder: Path, tmp_path: Path
) -> None:
    rows = [{"en": f"dog {n}", "de": f"Hund {n // 2}", "ko": f"강아지 {n // 3}"} for n in range(90)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    config = DataConfig(path=str(path), source="en", target=["de", "ko"])
    trained = replace(load_model(tiny_multilingual_folder), data=asdict(config))
    german, korean = (
        load_pairs(trained, path=None, split="test", direction=direction)
        for direction in config.directions
    )
    assert list(german.sources) == list(korean.sources)
