import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pytest

from benchmarks import data_scale
from benchmarks.data_scale import measure, sentences, write_corpus
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
    held = memory(request)
    assert list((tmp_path / "cache").rglob("rows.arrow"))
    assert 0 < held["own_mib"] <= held["resident_mib"]
    found = prepared(request)
    assert 300 < found["num_pairs"] <= 400
    assert found["seconds"] > 0
    assert encoded(request)["num_pairs"] == 408


def test_time_and_memory_both_begin_with_an_empty_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", "")  # put back afterwards
    monkeypatch.setattr(data_scale, "_TOKENIZER", {"vocab_size": 400})
    answers: dict[str, dict[str, float]] = {
        "prepare": {
            "seconds": 2.0,
            "seconds_to_first_batch": 0.1,
            "delivered_tokens_per_second": 50.0,
            "trained_tokens_per_second": 5.0,
        },
        "encode": {"num_pairs": 408, "seconds": 1.0},
        "memory": {"own_mib": 3.0, "resident_mib": 4.0},
    }

    def answer(driver: str, request: dict[str, Any], *, threads: int) -> dict[str, float]:
        if request["task"] != "encode":
            Path(os.environ["HF_DATASETS_CACHE"]).mkdir()  # there is none yet
        return answers[request["task"]]

    monkeypatch.setattr(data_scale, "drive", answer)
    rows = measure(400, tmp_path, threads=1)
    assert [row.value for row in rows] == [204.0, 3.0, 4.0, 0.1, 50.0]
    assert rows[0].ratio == 0.5
