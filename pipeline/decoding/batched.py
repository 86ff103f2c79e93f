"""Many sentences at once: sorted by length, so that a batch holds little padding."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.batch import collate_sources, rows_by_length
from pipeline.decoding.beam import beam_search
from pipeline.decoding.greedy import greedy_search
from pipeline.decoding.protocol import AnyState, LengthLimit, Model
from pipeline.decoding.rules import Rule
from pipeline.hypothesis import Hypothesis

Search = Callable[[Tensor, Tensor], list[Hypothesis]]
"""From `source_ids` (B, S) and `source_lengths` (B) to the best hypothesis of each row."""
Found = TypeVar("Found")


def decode_all(
    sources: Sequence[Sequence[int]],
    search: Callable[[Tensor, Tensor], list[Found]],
    *,
    batch_size: int,
    device: torch.device,
) -> list[Found]:
    """Decode sentences of any length; what is found comes in the order of the sources.

    Args:
        sources: The sentences.
        search: A `Search`, or one that finds several hypotheses of each row.
        batch_size: Sentences together.
        device: Where the model is.
    """
    hypotheses: dict[int, Found] = {}
    for rows in rows_by_length(sources, batch_size):
        source_ids, source_lengths = collate_sources([sources[i] for i in rows])
        found = search(source_ids.to(device), source_lengths.to(device))
        hypotheses.update(zip(rows, found, strict=True))
    return [hypotheses[i] for i in range(len(sources))]


def search_best(
    model: Model[AnyState],
    source_ids: Int[Tensor, "B S"],
    source_lengths: Int[Tensor, " B"],
    *,
    beam_size: int,
    limit: LengthLimit,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
    rules: Sequence[Rule] = (),
    allow_unknown: bool = False,
    with_log_probs: bool = True,
) -> list[Hypothesis]:
    """The best hypothesis of each row, by `greedy_search` or by `beam_search`, which say more."""
    if beam_size == 1:
        return greedy_search(
            model,
            source_ids,
            source_lengths,
            limit=limit,
            rules=rules,
            allow_unknown=allow_unknown,
            with_log_probs=with_log_probs,
        )
    nbest = beam_search(
        model,
        source_ids,
        source_lengths,
        beam_size=beam_size,
        limit=limit,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        rules=rules,
        allow_unknown=allow_unknown,
    )
    return [hypotheses[0] for hypotheses in nbest]
