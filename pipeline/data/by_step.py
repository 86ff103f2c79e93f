"""Training batches indexed by the step: a resumed training needs to know no more than its step."""

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import lightning
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import Batch

AnyBatch = TypeVar("AnyBatch", bound=Batch, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a training is.

    Attributes:
        first_step: The step that comes next when the batches are iterated.
        rank: Of this process.
        num_ranks: Processes that share the batches.
    """

    first_step: Callable[[], int] = lambda: 0
    rank: int = 0
    num_ranks: int = 1


class BatchesByStep(IterableDataset[AnyBatch]):
    """The batches from a position on, without end; a thread makes each while another is in use."""

    def __init__(self, position: Position) -> None:
        super().__init__()
        self._position = position

    def __iter__(self) -> Iterator[AnyBatch]:
        position = self._position
        first = position.first_step() * position.num_ranks + position.rank
        indices = itertools.count(first, position.num_ranks)
        with ThreadPoolExecutor(max_workers=1) as thread:
            coming = thread.submit(self.batch, next(indices))
            for index in indices:
                batch = coming.result()
                coming = thread.submit(self.batch, index)
                yield batch

    @abstractmethod
    def batch(self, index: int) -> AnyBatch:
        """The batch with this index: of one rank, the index is the step."""


class DataModuleByStep(lightning.LightningDataModule):
    """A data module whose training batches follow the step of its trainer."""

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches without end, from the step that the training is at."""
        assert self.trainer is not None
        trainer = self.trainer
        position = Position(
            first_step=lambda: trainer.global_step,
            rank=trainer.global_rank,
            num_ranks=trainer.world_size,
        )
        return DataLoader(self.training_batches(position), batch_size=None)

    @abstractmethod
    def training_batches(self, position: Position) -> BatchesByStep[Batch]:
        """What to train on."""
