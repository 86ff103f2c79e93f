"""Rows of any corpus → pairs of normalised text, in the columns `source` and `target`."""

import functools
from collections.abc import Callable

import datasets

from pipeline.context import clean_turn
from pipeline.data.cache import Batch, fingerprint, fingerprint_of, mapped_once
from pipeline.data.config import DataConfig
from pipeline.data.dialogue import dialogue_pairs
from pipeline.text import normalize

_FEATURES = datasets.Features(
    {"source": datasets.Value("string"), "target": datasets.Value("string")}
)


def text_pairs(rows: datasets.Dataset, config: DataConfig) -> datasets.Dataset:
    """Pairs in the order of the rows; a row with a dialogue gives one for each response in it.

    Returns:
        A dataset with exactly the columns `source` and `target`, normalised text both. Sides can
        be empty where the rows are.
    """
    source, target, dialogue = config.source, config.target, config.dialogue
    if dialogue is not None:
        function = functools.partial(_turns_to_pairs, dialogue=dialogue)
    else:
        # A chat model meets a single message as a conversation of one turn.
        clean = clean_turn if config.is_chat else normalize
        function = functools.partial(_sides_to_pairs, source=source, target=target, clean=clean)
    key = fingerprint(fingerprint_of(rows), "pairs", source, target, dialogue, config.is_chat)
    return mapped_once(rows, function, key=key, features=_FEATURES, description="Reading pairs")


def _sides_to_pairs(
    batch: Batch, *, source: str, target: str, clean: Callable[[str], str]
) -> Batch:
    return {
        "source": [clean(text) for text in batch[source]],
        "target": [clean(text) for text in batch[target]],
    }


def _turns_to_pairs(batch: Batch, *, dialogue: str) -> Batch:
    pairs = [pair for said in batch[dialogue] for pair in dialogue_pairs(said)]
    return {"source": [pair[0] for pair in pairs], "target": [pair[1] for pair in pairs]}
