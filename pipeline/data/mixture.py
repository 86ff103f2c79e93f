"""Several corpora of conversations as one: each is read and split by itself, then they are mixed.

A corpus of pairs joins in as conversations of two turns.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

import datasets

from pipeline.data.cache import Batch, fingerprint, fingerprint_of, mapped_once
from pipeline.data.config import DataConfig
from pipeline.data.origins import find_origins


def parts_of(config: DataConfig) -> list[DataConfig]:
    """A configuration for each corpus: of conversations, or of pairs if it has no such column."""
    assert isinstance(config.path, list)
    return [_part(config, path) for path in config.path]


def as_conversations(
    config: DataConfig, part: DataConfig, rows: datasets.Dataset
) -> datasets.Dataset:
    """The rows of one of the corpora, in the column `config.dialogue`."""
    return rows if part.dialogue else _conversations(config, rows)


def mixed(
    rows: Sequence[datasets.Dataset], repeats: Sequence[int] | None = None
) -> datasets.Dataset:
    """The rows of all corpora, one after the other; of each as often as `repeats` says."""
    counts = repeats or [1] * len(rows)
    repeated = [each for each, count in zip(rows, counts, strict=True) for _ in range(count)]
    return repeated[0] if len(repeated) == 1 else datasets.concatenate_datasets(repeated)


def _part(config: DataConfig, path: str) -> DataConfig:
    assert config.dialogue is not None
    columns = [config.dialogue, *config.direction]
    origin = next(iter(find_origins(path).values()))
    _, first_row = next(iter(origin.rows(columns)), ("", {config.dialogue: None}))
    if config.dialogue in first_row:
        return replace(config, path=path, repeats=None, split_by=None)
    return replace(config, path=path, repeats=None, dialogue=None, task="chat")


def _conversations(config: DataConfig, pairs: datasets.Dataset) -> datasets.Dataset:
    assert config.dialogue is not None
    columns = config.direction
    return mapped_once(
        pairs,
        functools.partial(_two_turns, columns=columns, dialogue=config.dialogue),
        key=fingerprint(fingerprint_of(pairs), "two turns", columns, config.dialogue),
        features=datasets.Features({config.dialogue: datasets.List(datasets.Value("string"))}),
        description="Pairs as conversations",
    )


def _two_turns(batch: Batch, *, columns: tuple[str, str], dialogue: str) -> Batch:
    source, target = columns
    return {dialogue: [list(pair) for pair in zip(batch[source], batch[target], strict=True)]}
