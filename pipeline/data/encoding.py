"""Pairs of text → pairs of ids, once, into Arrow."""

import functools
from collections.abc import Sequence
from typing import Protocol

import datasets

from pipeline.context import encode_contexts
from pipeline.data.cache import Batch, fingerprint, fingerprint_of, mapped_once
from pipeline.data.config import DataConfig
from pipeline.tokenizer import Tokenizer

_IDS = datasets.List(datasets.Value("int32"))
_LENGTH = datasets.Value("int32")
_FEATURES = datasets.Features(
    {"source_ids": _IDS, "target_ids": _IDS, "source_length": _LENGTH, "target_length": _LENGTH}
)


class Encoder(Protocol):
    """What makes ids: a `Tokenizer`, or `Labels`."""

    @property
    def fingerprint(self) -> str:
        """Differs where the ids do."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """A row of ids for each text."""


def encode_pairs(
    pairs: datasets.Dataset,
    source_tokenizer: Tokenizer,
    target_tokenizer: Encoder,
    config: DataConfig,
    *,
    drop_too_long: bool,
) -> tuple[datasets.Dataset, int]:
    """Encode the columns `source` and `target`; what was encoded before is read again.

    The source of a chat pair is cut to `context_tokens` first. Before a source goes the tag of its
    target language, where the pairs name that.

    Args:
        pairs: With the columns `source` and `target`, and perhaps `target_language`.
        source_tokenizer: For `source`.
        target_tokenizer: For `target`; may be the same one, or the labels.
        config: Gives `context_tokens` and `max_tokens`.
        drop_too_long: Whether pairs with a side of more than `max_tokens` pieces are left out.

    Returns:
        A dataset with `source_ids` and `target_ids` (lists of int32, without BOS and EOS) and
        their lengths `source_length` and `target_length` (int32), and the number of pairs that
        were left out.
    """
    budget = config.context_tokens if config.is_chat else None
    limit = config.max_tokens if drop_too_long else None

    encode = functools.partial(
        _encode,
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        budget=budget,
        limit=limit,
    )
    key = fingerprint(
        fingerprint_of(pairs),
        "encoded",
        source_tokenizer.fingerprint,
        target_tokenizer.fingerprint,
        budget,
        limit,
    )
    encoded = mapped_once(pairs, encode, key=key, features=_FEATURES, description="Encoding pairs")
    return encoded, len(pairs) - len(encoded)


def _encode(
    batch: Batch,
    *,
    source_tokenizer: Tokenizer,
    target_tokenizer: Encoder,
    budget: int | None,
    limit: int | None,
) -> Batch:
    if budget is None:
        sources = source_tokenizer.encode_batch(batch["source"])
    else:
        sources = encode_contexts(batch["source"], source_tokenizer, budget=budget)
    targets = target_tokenizer.encode_batch(batch["target"])
    kept = [
        i
        for i, (source, target) in enumerate(zip(sources, targets, strict=True))
        if limit is None or max(len(source), len(target)) <= limit
    ]
    if "target_language" in batch:
        tags = [[source_tokenizer.tag_id(language)] for language in batch["target_language"]]
        sources = [tag + source for tag, source in zip(tags, sources, strict=True)]
    if len(kept) < len(sources):
        sources, targets = [sources[i] for i in kept], [targets[i] for i in kept]
    return {
        "source_ids": sources,
        "target_ids": targets,
        "source_length": list(map(len, sources)),
        "target_length": list(map(len, targets)),
    }
