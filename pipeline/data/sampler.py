"""Which rows make the batch of which step: a function of the seed and the step, and of no state.

So a resumed training needs to know only its step to see the very batches that it would have seen.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_LENGTH_JITTER = 1.0
"""Tokens by which a source length is blurred when rows are sorted, so that batches differ."""


_ROWS_MULTIPLE = 8
"""Batches of few different shapes: the CPU kernels are compiled, and kept, for each of them."""


class TokenBatches:
    """Batches of about as many tokens each, of sentences about as long as each other.

    Each epoch sorts the rows by target length, then by source length (up and down in turn, so
    that neighbours stay alike where the target length changes), blurred by that epoch's random
    numbers. It cuts this order into batches of equal cost and shuffles the batches. The number of
    batches is the same in every epoch.

    Args:
        source_lengths: Tokens of each row's source.
        target_lengths: Tokens of each row's target.
        batch_tokens: Tokens of the longer side in a batch, about.
        seed: Together with the step it determines a batch.
    """

    def __init__(
        self,
        source_lengths: NDArray[np.int32],
        target_lengths: NDArray[np.int32],
        *,
        batch_tokens: int,
        seed: int,
    ) -> None:
        self._source_lengths = source_lengths
        self._target_lengths = target_lengths
        self._costs = np.maximum(source_lengths, target_lengths) + 1  # with EOS
        self._seed = seed
        num_batches = round(int(self._costs.sum()) / batch_tokens)
        self.num_batches = min(max(1, num_batches), len(self._costs))
        self._plan = lru_cache(maxsize=2)(self._make_plan)

    def rows(self, step: int) -> NDArray[np.int64]:
        """The rows of the batch of this step; never none."""
        epoch, position = divmod(step, self.num_batches)
        return self._plan(epoch)[position]

    def _make_plan(self, epoch: int) -> list[NDArray[np.int64]]:
        random = np.random.default_rng([self._seed, epoch])
        blurred = self._source_lengths + random.uniform(
            -_LENGTH_JITTER, _LENGTH_JITTER, len(self._source_lengths)
        )
        up_and_down = np.where(self._target_lengths % 2 == 0, blurred, -blurred)
        order = np.lexsort((up_and_down, self._target_lengths))
        costs = np.cumsum(self._costs[order])
        shares = np.arange(1, self.num_batches) * (costs[-1] / self.num_batches)
        batches = np.split(order, self._cuts(np.searchsorted(costs, shares)))
        return [batches[i] for i in random.permutation(self.num_batches)]

    def _cuts(self, cuts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cuts at handy places, and at least one row apart."""
        num_rows = len(self._costs)
        if num_rows > _ROWS_MULTIPLE * 4 * self.num_batches:
            cuts = cuts // _ROWS_MULTIPLE * _ROWS_MULTIPLE
        ranks = np.arange(1, self.num_batches)
        apart = np.maximum.accumulate(np.maximum(cuts - ranks, 0)) + ranks
        return np.minimum(apart, num_rows - self.num_batches + ranks)
