"""Several corpora of conversations as one: each is read and split by itself, then they are joined.

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


def joined(
    config: DataConfig, parts: Sequence[DataConfig], rows: Sequence[datasets.Dataset]
) -> datasets.Dataset:
    """The rows of a split of all corpora, in the column `config.dialogue`."""
    return datasets.concatenate_datasets(
        [
            each if part.dialogue else _conversations(config, each)
            for part, each in zip(parts, rows, strict=True)
        ]
    )


def _part(config: DataConfig, path: str) -> DataConfig:
    assert config.dialogue is not None
    columns = [config.dialogue, config.source, config.target]
    origin = next(iter(find_origins(path).values()))
    _, first_row = next(iter(origin.rows(columns)), ("", {config.dialogue: None}))
    if config.dialogue in first_row:
        return replace(config, path=path, split_by=None)
    return replace(config, path=path, dialogue=None, task="chat")


def _conversations(config: DataConfig, pairs: datasets.Dataset) -> datasets.Dataset:
    assert config.dialogue is not None
    columns = (config.source, config.target)
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
