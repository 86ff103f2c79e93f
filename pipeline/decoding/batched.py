"""Many sentences at once: sorted by length, so that a batch holds little padding."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.batch import collate_sources, rows_by_length
from pipeline.decoding.beam import beam_search
from pipeline.decoding.greedy import greedy_search
from pipeline.decoding.protocol import AnyState, Hypothesis, LengthLimit, Model
from pipeline.decoding.rules import Rule

Search = Callable[[Tensor, Tensor], list[Hypothesis]]
"""From `source_ids` (B, S) and `source_lengths` (B) to the best hypothesis of each row."""


def decode_all(
    sources: Sequence[Sequence[int]],
    search: Search,
    *,
    batch_size: int,
    device: torch.device,
) -> list[Hypothesis]:
    """Decode sentences of any length; the hypotheses come in the order of the sources."""
    hypotheses: dict[int, Hypothesis] = {}
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
    rules: Sequence[Rule] = (),
) -> list[Hypothesis]:
    """The best hypothesis of each row, by greedy decoding or by beam search."""
    if beam_size == 1:
        return greedy_search(model, source_ids, source_lengths, limit=limit, rules=rules)
    nbest = beam_search(
        model, source_ids, source_lengths, beam_size=beam_size, limit=limit, rules=rules
    )
    return [hypotheses[0] for hypotheses in nbest]
