import itertools
import threading
from collections.abc import Callable

import pytest
import torch

from pipeline.batch import SeriesBatch
from pipeline.data.by_step import BatchesByStep, Position

_PATIENCE = 10.0
"""Seconds that a thread is waited for before it is said not to do its work."""


class _Numbered(BatchesByStep[SeriesBatch]):
    """Batches that hold their index; notes which were made, and where."""

    def __init__(self, position: Position, *, bad: int = -1) -> None:
        super().__init__(position)
        self._bad = bad
        self.threads: dict[int, threading.Thread] = {}
        self.made = threading.Condition()

    def batch(self, index: int) -> SeriesBatch:
        if index == self._bad:
            raise ValueError(f"row {index} is broken")
        with self.made:
            self.threads[index] = threading.current_thread()
            self.made.notify_all()
        return SeriesBatch(torch.full((1, 1), float(index)))

    def wait_for(self, fulfilled: Callable[[], bool]) -> bool:
        with self.made:
            return self.made.wait_for(fulfilled, _PATIENCE)


def _indices(batches: _Numbered, number: int) -> list[int]:
    return [int(batch.values) for batch in itertools.islice(batches, number)]


def test_the_batches_of_a_rank_in_order() -> None:
    batches = _Numbered(Position(first_step=lambda: 3, rank=1, num_ranks=2))
    assert _indices(batches, 4) == [7, 9, 11, 13]


def test_the_next_batch_is_made_in_a_thread_while_one_is_in_use() -> None:
    batches = _Numbered(Position())
    iterator = iter(batches)
    next(iterator)
    assert batches.wait_for(lambda: 1 in batches.threads)
    assert 2 not in batches.threads  # one ahead: memory does not grow
    assert threading.current_thread() not in batches.threads.values()


def test_an_error_is_raised_where_its_batch_would_be() -> None:
    iterator = iter(_Numbered(Position(), bad=2))
    assert [int(next(iterator).values) for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match="row 2 is broken"):
        next(iterator)


def test_the_thread_ends_with_the_iteration() -> None:
    batches = _Numbered(Position())
    iterator = iter(batches)
    next(iterator)
    thread = batches.threads[0]
    assert thread.is_alive()
    iterator.close()  # type: ignore[attr-defined]  # a generator, as `__iter__` is written
    assert not thread.is_alive()
