import logging
from collections.abc import Iterator
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest

from pipeline.data.cache import fingerprint, quiet, selected, written_once

SCHEMA = pa.schema({"a": pa.string()})


def batches(*values: str) -> Iterator[pa.RecordBatch]:
    for value in values:
        yield pa.record_batch([[value]], schema=SCHEMA)


def test_rows_are_written_once() -> None:
    assert list(written_once("key", SCHEMA, batches("x", "y"))["a"]) == ["x", "y"]
    assert list(written_once("key", SCHEMA, batches("z"))["a"]) == ["x", "y"]


def test_no_rows_are_rows_too() -> None:
    assert len(written_once("key", SCHEMA, batches())) == 0


def test_selected_rows_are_those_of_select_with_their_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.data.cache._ROWS_AT_A_TIME", 3)  # more than one batch
    turns = [[str(i)] * (i % 4) for i in range(10)]
    rows = datasets.Dataset.from_dict({"turns": turns, "label": list("abcdefghij")})
    for indices in ([0, 2, 3, 9], [5], [], list(range(10))):
        found = selected(rows, np.array(indices, dtype=np.int64), "some")
        assert found.to_dict() == rows.select(indices).to_dict()
        assert found.features == rows.features


def test_other_rows_are_another_file() -> None:
    rows = datasets.Dataset.from_dict({"a": ["x", "y"]})
    first, second = (selected(rows, np.array([i]), "some") for i in (0, 1))
    assert (first["a"][0], second["a"][0]) == ("x", "y")


def test_after_an_error_nothing_is_left_to_be_found(cache: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches("x")
        raise KeyError

    with pytest.raises(KeyError):
        written_once("key", SCHEMA, broken())
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert list(written_once("key", SCHEMA, batches("z"))["a"]) == ["z"]


def test_fingerprints_tell_parts_apart() -> None:
    parts: list[list[object]] = [["a", "b"], ["ab"], ["a", ["b"]], [1], ["1"], [None], ["\ud800"]]
    assert len({fingerprint(*part) for part in parts}) == len(parts)


def test_what_the_library_prints_comes_back_afterwards() -> None:
    logger = logging.getLogger("datasets")
    before = (logger.level, datasets.are_progress_bars_disabled())
    with quiet():
        assert datasets.are_progress_bars_disabled()
    with pytest.raises(KeyError), quiet():
        raise KeyError
    assert (logger.level, datasets.are_progress_bars_disabled()) == before
