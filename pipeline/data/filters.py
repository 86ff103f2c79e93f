"""Which pairs are worth training on. Test splits are never filtered."""

import math
from dataclasses import dataclass, replace

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.data.cache import selected
from pipeline.data.config import DataConfig
from pipeline.errors import DataError

_SHORT_CHARACTERS = 20
_PAIRS_AT_A_TIME = 1_000
_PAIR = ("source", "target", "target_language")
_KEPT, _EMPTY, _UNBALANCED = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class CleaningReport:
    """How many pairs there were, and how many were dropped, each for one reason.

    Attributes:
        num_pairs: Before cleaning.
        num_empty: A side had no text.
        num_unbalanced: One side was far longer than the other, in characters.
        num_duplicates: The same source and target stood before.
        num_generic: The target answered too many different messages.
        num_too_long: A side had more pieces than `max_tokens`; known after encoding.
    """

    num_pairs: int
    num_empty: int = 0
    num_unbalanced: int = 0
    num_duplicates: int = 0
    num_generic: int = 0
    num_too_long: int = 0

    @property
    def num_kept(self) -> int:
        """Pairs that are left."""
        dropped = self.num_empty + self.num_unbalanced + self.num_duplicates
        return self.num_pairs - dropped - self.num_generic - self.num_too_long

    def with_too_long(self, num_too_long: int) -> "CleaningReport":
        """The same, with what `encode_pairs` dropped."""
        return replace(self, num_too_long=num_too_long)

    def __str__(self) -> str:
        reasons = {
            "empty": self.num_empty,
            "with one side far longer": self.num_unbalanced,
            "duplicates": self.num_duplicates,
            "with a generic reply": self.num_generic,
            "too long": self.num_too_long,
        }
        parts = [f"{self.num_kept:,} kept"]
        parts += [f"{count:,} {reason}" for reason, count in reasons.items() if count]
        return f"{self.num_pairs:,} pairs: {', '.join(parts)}"


def clean_pairs(
    pairs: datasets.Dataset, config: DataConfig, *, max_target_repeats: int = 0
) -> tuple[datasets.Dataset, CleaningReport]:
    """Drop pairs with an empty side, pairs of very unequal length, and repeated pairs.

    With `max_target_repeats`, also those whose target stands in more pairs than this afterwards.
    The same texts with another target language are another pair. Lengths are compared only in
    translation, where they go together, and only where the longer side has more than 20 characters.
    Memory: about 40 bytes a pair while it runs.

    Raises:
        DataError: No pair is left.
    """
    lengths_go_together = config.task == "translation" and not config.is_chat
    max_ratio = config.max_length_ratio if lengths_go_together else math.inf
    verdicts = np.zeros(len(pairs), dtype=np.uint8)
    # Python's own hashes: nothing but whether they are equal counts, within this call.
    hashes, target_hashes = np.zeros((2, len(pairs)), dtype=np.int64)
    position = 0
    for table in pairs.with_format("arrow").iter(batch_size=_PAIRS_AT_A_TIME):
        rows = slice(position, position := position + len(table))
        verdicts[rows] = _verdicts(table, max_ratio)
        columns = [table[name].to_pylist() for name in _PAIR if name in table.column_names]
        hashes[rows] = list(map(hash, zip(*columns, strict=True)))
        if max_target_repeats:
            target_hashes[rows] = list(map(hash, columns[1]))
    kept = np.flatnonzero(verdicts == _KEPT)
    unique = kept[_first_occurrences(hashes[kept])]
    num_duplicates = len(kept) - len(unique)
    num_generic = 0
    if max_target_repeats:
        is_telling = _counts(target_hashes[unique]) <= max_target_repeats
        num_generic = int((~is_telling).sum())
        unique = unique[is_telling]
    report = CleaningReport(
        num_pairs=len(pairs),
        num_empty=int((verdicts == _EMPTY).sum()),
        num_unbalanced=int((verdicts == _UNBALANCED).sum()),
        num_duplicates=num_duplicates,
        num_generic=num_generic,
    )
    if len(unique) == 0:
        raise DataError(f"data.path: no pair is fit for training ({report})")
    if len(unique) == len(pairs):
        return pairs, report
    return selected(pairs, unique, "clean"), report


def _verdicts(table: pa.Table, max_ratio: float) -> NDArray[np.int64]:
    lengths = [pc.utf8_length(table[name]).to_numpy() for name in ("source", "target")]
    shorter, longer = np.minimum(*lengths), np.maximum(*lengths)
    is_unbalanced = (longer > _SHORT_CHARACTERS) & (longer > max_ratio * np.maximum(shorter, 1))
    return np.where(shorter == 0, _EMPTY, np.where(is_unbalanced, _UNBALANCED, _KEPT))


def _first_occurrences(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first = np.unique(hashes, return_index=True)
    return np.sort(first)


def _counts(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each is among them."""
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return counts[inverse]
