import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.batch import SeriesBatch
from pipeline.data.by_step import Position
from pipeline.data.config import DataConfig
from pipeline.data.series import Series, SeriesDataModule, Windows, load_series
from pipeline.errors import DataError

_NUM_VALUES, _LENGTH = 30, 8
_SQUARES = [float(n * n) for n in range(_NUM_VALUES)]  # a window tells where it begins


def _series(**config: Any) -> Series:
    values = {"path": "x", "task": "forecast", "max_tokens": _LENGTH, "batch_tokens": 40, **config}
    validation = np.array([5.0, 1.0, 4.0], dtype=np.float32)
    return Series(DataConfig(**values), np.array(_SQUARES, dtype=np.float32), validation)


def _windows(series: Series | None = None, *, seed: int = 1, **position: Any) -> Windows:
    return Windows(series or _series(), seed=seed, position=Position(**position))


def _rows(batch: SeriesBatch) -> list[list[float]]:
    rows: list[list[float]] = batch.values.tolist()
    return rows


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    path = tmp_path / "series.csv"
    path.write_text("\n".join(["day,value", *(f"{n},{n}.5" for n in range(40))]), encoding="utf-8")
    return DataConfig(
        path=str(path), target="value", task="forecast", max_tokens=_LENGTH, held_out_rows=3
    )


def test_a_series_is_read_in_the_order_of_time(config: DataConfig) -> None:
    series = load_series(config)
    assert series.config == config
    assert series.train.dtype == series.validation.dtype == np.float32
    assert series.train.tolist() == [n + 0.5 for n in range(34)]
    assert series.validation.tolist() == [34.5, 35.5, 36.5]


def test_training_has_a_window_at_least(config: DataConfig) -> None:
    whole = DataConfig(**{**vars(config), "max_tokens": 34})
    assert len(load_series(whole).train) == 34
    message = f"data.path {config.path}: expected at least data.max_tokens 35 numbers"
    with pytest.raises(DataError, match=f"^{message} for training, found 34$"):
        load_series(DataConfig(**{**vars(config), "max_tokens": 35}))


def test_validation_has_two_numbers_at_least(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("value\n" + "1\n2\n" * 10, encoding="utf-8")
    (tmp_path / "validation.csv").write_text("value\n1\n", encoding="utf-8")
    config = DataConfig(path=str(tmp_path), target="value", task="forecast", max_tokens=_LENGTH)
    message = "expected two numbers or more in the split 'validation', found 1"
    with pytest.raises(DataError, match=f"^data.path {tmp_path}: {message}$"):
        load_series(config)


def test_a_batch_is_a_function_of_seed_and_index() -> None:
    indices = [0, 7, 100, 3, 7]
    windows, other = _windows(), _windows()
    ours = [_rows(windows.batch(index)) for index in indices]
    theirs = {index: _rows(other.batch(index)) for index in sorted(set(indices))}
    assert ours == [theirs[index] for index in indices]
    assert ours[0] != ours[1]
    assert ours[0] != _rows(_windows(seed=2).batch(0))


def test_a_window_is_a_piece_of_the_training_numbers_and_begins_anywhere() -> None:
    windows = _windows()
    starts = set()
    for index in range(60):
        for row in _rows(windows.batch(index)):
            start = _SQUARES.index(row[0])
            assert row == _SQUARES[start : start + _LENGTH]
            starts.add(start)
    assert starts == set(range(_NUM_VALUES - _LENGTH + 1))


@pytest.mark.parametrize(
    ("batch_tokens", "num_windows"), [(3, 1), (8, 1), (15, 1), (16, 2), (40, 5), (47, 5)]
)
def test_a_batch_has_the_numbers_that_it_may(batch_tokens: int, num_windows: int) -> None:
    batch = _windows(_series(batch_tokens=batch_tokens)).batch(0)
    assert [len(row) for row in _rows(batch)] == [_LENGTH] * num_windows


def test_a_series_of_one_window_is_that_window() -> None:
    windows = _windows(_series(max_tokens=_NUM_VALUES, batch_tokens=60))
    assert _rows(windows.batch(4)) == [_SQUARES, _SQUARES]


def test_iteration_begins_at_the_step_that_the_training_is_at() -> None:
    step = 0
    windows = _windows(first_step=lambda: step)
    step = 5
    found = [_rows(batch) for batch in itertools.islice(windows, 3)]
    assert found == [_rows(windows.batch(index)) for index in (5, 6, 7)]


def test_ranks_share_the_batches() -> None:
    ranks = [_windows(rank=rank, num_ranks=2) for rank in (0, 1)]
    together = zip(*(itertools.islice(rank, 4) for rank in ranks), strict=True)
    found = [_rows(batch) for step in together for batch in step]
    alone = _windows()
    assert found == [_rows(alone.batch(index)) for index in range(8)]


def test_the_loader_follows_the_trainer() -> None:
    module = SeriesDataModule(_series(), seed=3)
    trainer: Any = SimpleNamespace(global_step=4, global_rank=1, world_size=2)
    module.trainer = trainer
    expected = _windows(seed=3)
    found = iter(module.train_dataloader())
    assert _rows(next(found)) == _rows(expected.batch(9))
    assert _rows(next(found)) == _rows(expected.batch(11))
    trainer.global_step = 6  # before it is iterated anew
    assert _rows(next(iter(module.train_dataloader()))) == _rows(expected.batch(13))


def test_validation_is_all_its_numbers_in_one_window() -> None:
    module = SeriesDataModule(_series(batch_tokens=1, max_tokens=2), seed=3)
    loader = module.val_dataloader()
    for _ in range(2):  # each time anew
        assert [_rows(batch) for batch in loader] == [[[5.0, 1.0, 4.0]]]


def test_a_batch_is_no_view_of_the_series() -> None:
    series = _series()
    batch = _windows(series).batch(0)
    batch.values.zero_()
    assert series.train.tolist() == _SQUARES
