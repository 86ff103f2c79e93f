"""Rows that hold a sentence in several languages → pairs of text, one for each direction."""

import functools
from collections.abc import Sequence

import datasets

from pipeline.data.cache import Batch, fingerprint, fingerprint_of, mapped_once
from pipeline.errors import DataError
from pipeline.languages import Direction
from pipeline.text import normalize

_COLUMNS = ("source", "target", "target_language")
_FEATURES = datasets.Features({name: datasets.Value("string") for name in _COLUMNS})
_ROWS_AT_A_TIME = 1_000


def pairs_of_directions(
    rows: datasets.Dataset, directions: Sequence[Direction]
) -> datasets.Dataset:
    """For each row a pair for each direction that it has both sentences of, in this order.

    Returns:
        A dataset with the columns `source`, `target` (normalised text, none of it empty) and
        `target_language`.
    """
    return mapped_once(
        rows,
        functools.partial(_pairs, directions=directions),
        key=fingerprint(fingerprint_of(rows), "pairs of directions", directions),
        features=_FEATURES,
        description="Reading pairs",
    )


def expect_pairs(rows: datasets.Dataset, directions: Sequence[Direction], *, where: str) -> None:
    """Check that there is something to learn each direction from.

    Args:
        rows: With a column for each language.
        directions: Those that are to be learnt.
        where: What the error calls the rows.

    Raises:
        DataError: No row has both sentences of one of them.
    """
    missing = list(directions)
    for batch in rows.iter(batch_size=_ROWS_AT_A_TIME):
        missing = [direction for direction in missing if not _sides(batch, direction)]
        if not missing:
            return
    source, target = missing[0]
    empty = [language for language in missing[0] if not any(map(normalize, rows[language]))]
    lacking = f"the column '{empty[0]}'" if empty else f"both '{source}' and '{target}'"
    raise DataError(
        f"{where}: no row has text in {lacking}; expected pairs for {source} to {target}, as "
        "data.source and data.target ask for"
    )


def _pairs(batch: Batch, *, directions: Sequence[Direction]) -> Batch:
    found = [
        (row, source, target, direction.target)
        for direction in directions
        for row, source, target in _sides(batch, direction)
    ]
    found.sort(key=lambda pair: pair[0])  # stable: within a row the directions keep their order
    return {name: [pair[i] for pair in found] for i, name in enumerate(_COLUMNS, start=1)}


def _sides(batch: Batch, direction: Direction) -> list[tuple[int, str, str]]:
    """Rows that have both sentences: which row, source, target."""
    texts = (map(normalize, batch[language]) for language in direction)
    return [
        (row, source, target)
        for row, (source, target) in enumerate(zip(*texts, strict=True))
        if source and target
    ]
