"""One split → train and what is held out, by a hash of what rows share: repeatable, leak-free."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

import datasets
import numpy as np
from numpy.typing import NDArray

from pipeline.data.cache import fingerprint, fingerprint_of, selected
from pipeline.errors import DataError

_MAX_SHARE = 0.1
_DIGEST_BYTES = 8
_BLAKE2 = hashlib.blake2b(digest_size=_DIGEST_BYTES)  # a copy costs half of what a new one does


def hash_text(text: str) -> int:
    """64 bits of BLAKE2: the same everywhere and always, as Python's own `hash` is not."""
    return int.from_bytes(_digest(text), "big")


def hash_texts(texts: Iterable[str], *, num_texts: int) -> NDArray[np.uint64]:
    """What `hash_text` gives for each."""
    digests = np.fromiter(map(_digest, texts), dtype=f"V{_DIGEST_BYTES}", count=num_texts)
    return digests.view(f">u{_DIGEST_BYTES}").astype(np.uint64)


def _digest(text: str) -> bytes:
    blake2 = _BLAKE2.copy()
    blake2.update(text.encode("utf-8", "surrogatepass"))
    return blake2.digest()


def hold_out(
    rows: datasets.Dataset, shared: Iterable[str], names: Sequence[str], *, held_out_rows: int
) -> dict[str, datasets.Dataset]:
    """Part `rows` into the splits `names` and `train`.

    Rows with the same value stand in the same split. Values are ordered by their hash and taken
    until a split has its size, so the order of the rows does not count, and a row that is added
    moves few others. A split is a little larger than its size when its last value has many rows;
    values that alone have more rows than a whole split are for `train`.

    Args:
        rows: All rows.
        shared: For each row what it shares with the rows that have to stay with it.
        names: The splits to make, besides `train`.
        held_out_rows: Size of each of them; a tenth of the rows if that is less, and at least 1.

    Raises:
        DataError: There are fewer different values than splits.
    """
    hashes = hash_texts(shared, num_texts=len(rows))
    # Sorted, since np.unique puts values without anything else into a hash table, which is slow.
    num_values = 1 + int(np.count_nonzero(np.diff(np.sort(hashes))))
    if num_values <= len(names):
        raise DataError(
            f"data.path: cannot make {' and '.join(names)} out of {len(rows):,} rows: expected at "
            f"least {len(names) + 1} that do not have to stay together (data.split_by), "
            f"found {num_values}"
        )
    size = max(1, min(held_out_rows, int(len(rows) * _MAX_SHARE)))
    split_of_row = assign(hashes, num_splits=len(names), size=size)
    return {
        name: selected(rows, np.flatnonzero(split_of_row == number), "split")
        for number, name in enumerate(["train", *names])
    }


def connected(sentences: Iterable[tuple[int, str]], *, num_rows: int) -> list[str]:
    """For each row what it shares with all rows that a chain of common sentences leads to.

    It is taken from the sentences themselves, so that the order of the rows does not count.

    Args:
        sentences: The number of a row, and a sentence of it.
        num_rows: How many rows there are.
    """
    parents = list(range(num_rows))  # a forest: rows of one tree are connected
    first_row: dict[int, int] = {}

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for row, sentence in sentences:
        parents[root(row)] = root(first_row.setdefault(hash_text(sentence), row))
    smallest: dict[int, int] = {}
    for hashed, row in first_row.items():
        smallest[root(row)] = min(hashed, smallest.get(root(row), hashed))
    return [str(smallest.get(root(row), "")) for row in range(num_rows)]


def hold_out_last(
    rows: datasets.Dataset, names: Sequence[str], *, held_out_rows: int
) -> dict[str, datasets.Dataset]:
    """Part rows in the order of time: the last are for the last split, the first for `train`.

    Args:
        rows: All rows.
        names: The splits to make, besides `train`.
        held_out_rows: Size of each of them; a tenth of the rows if that is less.

    Raises:
        DataError: A split would have fewer than two rows.
    """
    if held_out_rows < 2:
        raise DataError(f"data.held_out_rows: expected 2 or more of a series, got {held_out_rows}")
    size = min(held_out_rows, int(len(rows) * _MAX_SHARE))
    if size < 2:
        raise DataError(
            f"data.path: cannot hold out {' and '.join(names)} of a series: expected at least "
            f"{round(2 / _MAX_SHARE)} rows, found {len(rows):,}"
        )
    first = len(rows) - size * len(names)
    starts = [0, *range(first, len(rows), size), len(rows)]
    return {
        name: rows.select(
            range(start, stop),
            new_fingerprint=fingerprint(fingerprint_of(rows), "rows", start, stop),
        )
        for name, (start, stop) in zip(["train", *names], pairwise(starts), strict=True)
    }


def assign(hashes: NDArray[np.uint64], *, num_splits: int, size: int) -> NDArray[np.int64]:
    """For each row 1 … `num_splits` for the split that it is held out for, or 0 for train."""
    values, value_of_row, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    assert len(values) > num_splits
    is_large = counts > size
    order = np.argsort(is_large, kind="stable")  # by hash, the large ones behind
    num_small = len(values) - int(is_large.sum())
    split_of_value = np.zeros(len(values), dtype=np.int64)
    start = 0
    for split in range(1, num_splits + 1):
        # One value at least is left for each split that follows, and for train.
        last = len(values) - 1 - (num_splits - split)
        stop = max(start + 1, min(last, num_small))
        sizes = np.cumsum(counts[order[start:stop]])
        stop = min(stop, start + 1 + int(np.searchsorted(sizes, size)))
        split_of_value[order[start:stop]] = split
        start = stop
    return split_of_value[value_of_row]
