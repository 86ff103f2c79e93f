import json
from itertools import pairwise
from pathlib import Path

import datasets
import pytest

from benchmarks.data_scale import sentences, write_corpus
from benchmarks.drivers.preparing import encoded, memory, prepared
from pipeline.data.prepare import keep_tokenizer
from pipeline.tokenizer import TokenizerConfig, train_tokenizer


def test_sentences_are_many_and_made_anew_alike() -> None:
    found = list(sentences(500, seed=1))
    assert found == list(sentences(500, seed=1))
    assert found != list(sentences(500, seed=2))
    assert len(set(found)) > 490
    lengths = [len(sentence.split()) for sentence in found]
    assert min(lengths) >= 1
    assert 10 < sum(lengths) / len(lengths) < 14


def test_one_pair_in_fifty_stands_twice(tmp_path: Path) -> None:
    write_corpus(tmp_path / "pairs.jsonl", 200)
    lines = (tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 204
    assert sum(one == other for one, other in pairwise(lines)) == 4


def test_a_corpus_is_prepared_and_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    path, tokenizer = tmp_path / "pairs.jsonl", {"vocab_size": 400}
    write_corpus(path, 400)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [row[side] for row in rows for side in ("source", "target")]
    keep_tokenizer(
        train_tokenizer(texts, TokenizerConfig(vocab_size=400)), tmp_path / "joint.model"
    )
    request = {"path": str(path), "folder": str(tmp_path), "tokenizer": tokenizer, "threads": 1}
    found = prepared(request)
    assert 300 < found["num_pairs"] <= 400
    assert found["seconds"] > 0
    held = memory(request)
    assert 0 < held["own_mib"] <= held["resident_mib"]
    assert encoded(request)["num_pairs"] == 408
