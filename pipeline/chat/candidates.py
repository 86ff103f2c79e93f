"""Several replies to one message, to choose from."""

from collections.abc import Sequence
from typing import Any

from pipeline.decoding import (
    EncodedSource,
    LengthLimit,
    Rule,
    Sampler,
    beam_search,
    greedy_search,
)

DIVERSITY = 2.0
"""Nats. Translation does best with 0.2 to 0.8 (Vijayakumar et al. 2018); with that, groups of one
beam find the same few replies, since a chat model is often sure of most of its tokens."""
_SPARE = 2  # so many times the candidates asked for: some come out alike


def find_candidates(
    source: EncodedSource[Any],
    num_candidates: int,
    *,
    limit: LengthLimit,
    sampler: Sampler,
    rules: Sequence[Rule] = (),
) -> list[list[int]]:
    """Tokens of different replies: more than asked for, or fewer, where too many come out alike.

    Drawn by the sampler; where its temperature is 0, by diverse beam search in groups of one.
    """
    num_searched = _SPARE * num_candidates
    if sampler.temperature:
        found = greedy_search(
            source, *source.rows(num_searched), limit=limit, choose=sampler, rules=rules
        )
    else:
        (found,) = beam_search(
            source,
            *source.rows(1),
            beam_size=num_searched,
            num_groups=num_searched,
            diversity=DIVERSITY,
            limit=limit,
            rules=rules,
        )
    return [list(ids) for ids in dict.fromkeys(tuple(hypothesis.ids) for hypothesis in found)]
