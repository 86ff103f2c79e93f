"""A series of numbers: its splits, and windows of it as batches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import SeriesBatch
from pipeline.data.by_step import BatchesByStep, DataModuleByStep, Position
from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.errors import DataError

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Series:
    """What training needs of a series.

    Attributes:
        config: What it was made by.
        train: The numbers to learn from, in the order of time.
        validation: Those after them.
    """

    config: DataConfig
    train: Numbers
    validation: Numbers


def load_series(config: DataConfig) -> Series:
    """The series of `config.path`.

    Raises:
        DataError: It cannot be read, training has fewer numbers than a window, or validation
            fewer than two.
    """
    splits = load_corpus(config)
    train, validation = (
        np.asarray(splits[name][config.direction.target], dtype=np.float32)
        for name in ("train", "validation")
    )
    if len(train) < config.max_tokens:
        raise DataError(
            f"data.path {config.path}: expected at least data.max_tokens {config.max_tokens} "
            f"numbers for training, found {len(train):,}"
        )
    if len(validation) < 2:
        raise DataError(
            f"data.path {config.path}: expected two numbers or more in the split 'validation', "
            f"found {len(validation)}"
        )
    return Series(config, train, validation)


class Windows(BatchesByStep[SeriesBatch]):
    """Windows of `max_tokens` numbers, at random places that are a function of seed and index.

    Args:
        series: The numbers.
        seed: Of the places.
        position: Where the training is.
    """

    def __init__(self, series: Series, *, seed: int, position: Position) -> None:
        super().__init__(position)
        config = series.config
        self._windows = np.lib.stride_tricks.sliding_window_view(series.train, config.max_tokens)
        self._num_windows = max(1, config.batch_tokens // config.max_tokens)
        self._seed = seed

    def batch(self, index: int) -> SeriesBatch:
        """See `BatchesByStep.batch`."""
        random = np.random.default_rng([self._seed, index])
        rows = random.integers(len(self._windows), size=self._num_windows)
        return SeriesBatch(torch.from_numpy(self._windows[rows]))


class _Whole(IterableDataset[SeriesBatch]):
    """All numbers, as one window."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self._numbers = numbers

    def __iter__(self) -> Iterator[SeriesBatch]:
        yield SeriesBatch(torch.from_numpy(self._numbers).unsqueeze(0))


class SeriesDataModule(DataModuleByStep):
    """Windows of a series.

    Args:
        series: The numbers.
        seed: Together with the step it determines a training batch.
    """

    def __init__(self, series: Series, *, seed: int) -> None:
        super().__init__()
        self.series = series
        self.seed = seed

    def training_batches(self, position: Position) -> Windows:
        """See `DataModuleByStep.training_batches`."""
        return Windows(self.series, seed=self.seed, position=position)

    def val_dataloader(self) -> DataLoader[SeriesBatch]:
        """The validation numbers, as one window."""
        return DataLoader(_Whole(self.series.validation), batch_size=None)
