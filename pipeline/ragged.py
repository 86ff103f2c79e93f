"""Rows of tokens, of several lengths, in one array: no Python object for each token."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.tokenizer import BOS_ID, EOS_ID, PAD_ID


@dataclass(frozen=True)
class Ragged:
    """Rows of tokens, one after the other.

    Attributes:
        ids: The tokens of all B rows.
        lengths: How many of them each row has (B).
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, rows: "Rows") -> "Ragged":
        """These rows."""
        if isinstance(rows, Ragged):
            return rows
        ids = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int32)
        return cls(ids, np.fromiter(map(len, rows), dtype=np.int64))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each row begins in `ids` (B)."""
        return np.cumsum(self.lengths) - self.lengths

    def take(self, rows: NDArray[np.int64]) -> "Ragged":
        """The rows of these numbers, in this order."""
        lengths = self.lengths[rows]
        before = np.cumsum(lengths) - lengths
        # The place of each token among those that are taken, moved to where its row is here.
        places = np.arange(lengths.sum()) + np.repeat(self.starts[rows] - before, lengths)
        return Ragged(self.ids[places], lengths)

    def followed_by(self, other: "Ragged") -> "Ragged":
        """All rows of both."""
        return Ragged(
            np.concatenate([self.ids, other.ids]), np.concatenate([self.lengths, other.lengths])
        )

    def after_bos(self) -> NDArray[np.int64]:
        """Padded on the right, each row behind BOS: (B, T), T being one more than the longest."""
        padded = self._padding()
        padded[:, 0] = BOS_ID
        padded[:, 1:][self._is_token(padded.shape[1] - 1)] = self.ids
        return padded

    def before_eos(self) -> NDArray[np.int64]:
        """Padded on the right, each row closed with EOS: (B, T), as `after_bos`."""
        padded = self._padding()
        padded[self._is_token(padded.shape[1])] = self.ids
        padded[np.arange(len(padded)), self.lengths] = EOS_ID
        return padded

    def _padding(self) -> NDArray[np.int64]:
        return np.full((len(self.lengths), int(self.lengths.max()) + 1), PAD_ID, dtype=np.int64)

    def _is_token(self, width: int) -> NDArray[np.bool_]:
        return np.arange(width) < self.lengths[:, None]


Rows = Ragged | Sequence[Sequence[int]]
"""Rows of tokens, in either form."""
