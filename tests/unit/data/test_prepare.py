import json
import logging
from dataclasses import replace
from pathlib import Path

import datasets
import pytest

from pipeline.context import fit_context
from pipeline.data.config import DataConfig
from pipeline.data.prepare import prepare
from pipeline.errors import ConfigError, DataError
from pipeline.tokenizer import TURN, TokenizerConfig

_TOKENIZER = TokenizerConfig(vocab_size=300, model_type="bpe", character_coverage=1.0)


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    rows = [{"source": f"dog number {n}", "target": f"Hund {n}"} for n in range(100)]
    rows += [{"source": "", "target": "nothing"}, {"source": "  dog  ", "target": "Hund\t!"}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return DataConfig(path=str(path), held_out_rows=8, tokenizer=_TOKENIZER)


@pytest.fixture
def talk(tmp_path: Path) -> DataConfig:
    rows = [{"turns": [f"hello {n}", f"good day {n}", "and you?", "fine"]} for n in range(40)]
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return DataConfig(path=str(path), dialogue="turns", context_tokens=9, tokenizer=_TOKENIZER)


def _texts(pairs: datasets.Dataset, column: str) -> list[str]:
    return [str(text) for text in pairs[column]]


def test_ids_are_those_of_the_text(config: DataConfig, tmp_path: Path) -> None:
    corpus = prepare(config, tmp_path / "run")
    tokenizer = corpus.source_tokenizer
    assert corpus.target_tokenizer is tokenizer
    assert len(tokenizer) == 300
    text = corpus.validation_text
    assert len(corpus.validation) == len(text) == 8
    for column in ("source", "target"):
        encoded = [tokenizer.encode(line) for line in _texts(text, column)]
        assert list(corpus.validation[f"{column}_ids"]) == encoded
        assert list(corpus.validation[f"{column}_length"]) == [len(ids) for ids in encoded]
    sources = [tokenizer.decode(ids) for ids in corpus.train["source_ids"]]
    assert "" not in sources
    assert len(sources) + 8 + 8 == 101  # what is left of 102, with the test split
    assert not set(sources) & set(_texts(text, "source"))


def test_the_tokenizers_are_kept_for_the_next_session(config: DataConfig, tmp_path: Path) -> None:
    first = prepare(config, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["joint.model"]
    # Another vocabulary could not go on with the weights of the first.
    changed = replace(config, tokenizer=replace(_TOKENIZER, vocab_size=290))
    assert prepare(changed, tmp_path / "run").source_tokenizer.fingerprint == (
        first.source_tokenizer.fingerprint
    )
    assert len(prepare(changed, tmp_path / "other").source_tokenizer) == 290


def test_separate_vocabularies(config: DataConfig, tmp_path: Path) -> None:
    apart = replace(config, tokenizer=replace(_TOKENIZER, joint=False, vocab_size=290))
    corpus = prepare(apart, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"source.model", "target.model"}
    source, target = corpus.source_tokenizer, corpus.target_tokenizer
    assert source.fingerprint != target.fingerprint
    assert len(source.encode("dog number")) < len(target.encode("dog number"))
    assert list(corpus.validation["target_ids"]) == target.encode_batch(
        _texts(corpus.validation_text, "target")
    )


def test_a_dialogue_becomes_replies_to_what_fits(talk: DataConfig, tmp_path: Path) -> None:
    corpus = prepare(talk, tmp_path / "run")
    tokenizer = corpus.source_tokenizer
    sources = _texts(corpus.validation_text, "source")
    assert any(source.count(TURN) == 2 for source in sources)
    expected = [
        fit_context(ids, turn_id=tokenizer.turn_id, budget=9)
        for ids in tokenizer.encode_batch(sources)
    ]
    assert list(corpus.validation["source_ids"]) == expected
    assert max(map(len, expected)) <= 9


def test_what_is_too_long_is_left_out_and_said(
    config: DataConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    whole = prepare(config, tmp_path / "run")
    limit = max(whole.train["source_length"]) - 1
    cut = prepare(replace(config, max_tokens=limit), tmp_path / "run")
    assert 0 < len(cut.train) < len(whole.train)
    assert max(cut.train["source_length"]) == limit
    num_kept, num_too_long = len(cut.train), len(whole.train) - len(cut.train)
    assert f"{num_kept:,} kept, 1 empty, {num_too_long:,} too long" in caplog.text
    with pytest.raises(DataError, match="every pair of the split 'train' has more than"):
        prepare(replace(config, max_tokens=1), tmp_path / "run")


def test_a_vocabulary_that_does_not_suit_leaves_no_file(config: DataConfig, tmp_path: Path) -> None:
    large = replace(config, tokenizer=replace(_TOKENIZER, vocab_size=9000))
    with pytest.raises(ConfigError, match="data.tokenizer.vocab_size: 9000 is too large"):
        prepare(large, tmp_path / "run")
    assert not (tmp_path / "run").exists()
