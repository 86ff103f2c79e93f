"""Pairs of text → pairs of ids, once, into Arrow."""

import functools
from collections.abc import Callable, Sequence

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.context import encode_contexts
from pipeline.data.cache import fingerprint, fingerprint_of, tables_once
from pipeline.data.config import DataConfig
from pipeline.data.labels import Labels
from pipeline.data.words import IDS, WordEncoder
from pipeline.tokenizer import Tokenizer

_IDS = datasets.List(datasets.Value("int32"))
_LENGTH = datasets.Value("int32")
_EncodeColumn = Callable[[pa.ChunkedArray], pa.ListArray]
_FEATURES = datasets.Features(
    {"source_ids": _IDS, "target_ids": _IDS, "source_length": _LENGTH, "target_length": _LENGTH}
)


def encode_pairs(
    pairs: datasets.Dataset,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer | Labels,
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

    contexts = functools.partial(encode_contexts, tokenizer=source_tokenizer, budget=budget)
    encode = functools.partial(
        _encode,
        source=(
            WordEncoder(source_tokenizer).encode
            if budget is None
            else functools.partial(_in_rows, function=contexts)
        ),
        target=(
            functools.partial(_in_rows, function=target_tokenizer.encode_batch)
            if isinstance(target_tokenizer, Labels)
            else WordEncoder(target_tokenizer).encode
        ),
        limit=limit,
        tag_of=source_tokenizer.tag_id,
    )
    key = fingerprint(
        fingerprint_of(pairs),
        "encoded",
        source_tokenizer.fingerprint,
        target_tokenizer.fingerprint,
        budget,
        limit,
    )
    encoded = tables_once(pairs, encode, key=key, features=_FEATURES, description="Encoding pairs")
    return encoded, len(pairs) - len(encoded)


def _encode(
    pairs: pa.Table,
    *,
    source: _EncodeColumn,
    target: _EncodeColumn,
    limit: int | None,
    tag_of: Callable[[str], int],
) -> pa.Table:
    source_ids, target_ids = source(pairs["source"]), target(pairs["target"])
    lengths = [pc.list_value_length(ids).to_numpy() for ids in (source_ids, target_ids)]
    fits = np.full(len(pairs), True) if limit is None else np.maximum(*lengths) <= limit
    if "target_language" in pairs.column_names:
        source_ids = _tagged(source_ids, list(map(tag_of, pairs["target_language"].to_pylist())))
        lengths[0] = lengths[0] + 1
    encoded = pa.table([source_ids, target_ids, *lengths], schema=_FEATURES.arrow_schema)
    return encoded.filter(pa.array(fits))


def _tagged(ids: pa.ListArray, tags: Sequence[int]) -> pa.ListArray:
    """Each row after its tag."""
    starts = ids.offsets.to_numpy()
    values = np.insert(ids.values.to_numpy(), starts[:-1], tags)
    return pa.ListArray.from_arrays(starts + np.arange(len(starts), dtype=np.int32), values)


def _in_rows(
    texts: pa.ChunkedArray, *, function: Callable[[Sequence[str]], list[list[int]]]
) -> pa.ListArray:
    return pa.array(function(texts.to_pylist()), type=IDS)
