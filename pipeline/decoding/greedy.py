"""Greedy decoding: at each step the most probable token, or the one that a chooser picks."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.decoding.protocol import (
    AnyState,
    LengthLimit,
    Model,
    begin_of_sentence,
    next_token_logits,
)
from pipeline.decoding.rules import Rule, apply_rules, leave_an_end
from pipeline.hypothesis import Hypothesis
from pipeline.tokenizer import EOS_ID

Permit = Callable[[list[int]], bool]
"""Whether a sentence may go on so, given its tokens so far."""
Chooser = Callable[[Tensor], Tensor]
"""From logits (B, V) to the next token of each row (B)."""

_FULL_ENOUGH = 7 / 8
"""While so much of a batch is open, moving the states of its rows costs more than it saves."""


def most_probable(logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
    """The argmax of each row: what makes the search greedy."""
    return logits.max(dim=-1).indices  # `argmax` takes three times as long on a CPU


@torch.inference_mode()
def greedy_search(
    model: Model[AnyState],
    source_ids: Int[Tensor, "B S"],
    source_lengths: Int[Tensor, " B"],
    *,
    limit: LengthLimit,
    choose: Chooser = most_probable,
    rules: Sequence[Rule] = (),
    allow_unknown: bool = False,
    with_log_probs: bool = True,
) -> list[Hypothesis]:
    """Decode a batch; rows that are finished leave it, several at a time, and the rest goes faster.

    The log-probabilities are the model's own, before the rules.

    Args:
        model: The model.
        source_ids: The sources.
        source_lengths: Their lengths.
        limit: How long a hypothesis may become.
        choose: What takes the next token.
        rules: What may follow.
        allow_unknown: Whether UNK may: for whoever puts something in its place.
        with_log_probs: Whether the log-probabilities are wanted; nan stands in place of them
            otherwise. They take a tenth of the time.
    """
    state = model.encode(source_ids, source_lengths)
    max_lengths = limit.of(source_lengths)
    num_rows = source_ids.shape[0]
    generated = torch.full((num_rows, int(max_lengths.max())), EOS_ID, device=source_ids.device)
    nothing = 0.0 if with_log_probs else math.nan
    log_probs = torch.full((num_rows,), nothing, device=source_ids.device)
    rows = torch.arange(num_rows, device=source_ids.device)  # which sentence each row belongs to
    is_open = torch.ones_like(rows, dtype=torch.bool)
    token_ids = begin_of_sentence(source_ids)
    for position in range(generated.shape[1]):
        logits, state = model.step(token_ids, state)
        logits = next_token_logits(logits, allow_unknown=allow_unknown)
        ruled = apply_rules(rules, logits, generated[rows, :position]) if rules else logits
        token_ids = choose(ruled).where(is_open, EOS_ID)
        if with_log_probs:
            chosen = logits.gather(1, token_ids.unsqueeze(1)).squeeze(1)
            log_probs[rows] += (chosen - logits.logsumexp(dim=-1)).where(is_open, 0.0)
        generated[rows, position] = token_ids
        is_open &= (token_ids != EOS_ID) & (position + 1 < max_lengths[rows])
        num_open = int(is_open.sum())
        if not num_open:
            break
        if num_open <= _FULL_ENOUGH * len(rows):
            kept = is_open.nonzero().squeeze(1)
            rows, token_ids, is_open = rows[kept], token_ids[kept], is_open[kept]
            state = state.select(kept)
    return [
        Hypothesis(_until_end(ids), log_prob)
        for ids, log_prob in zip(generated.tolist(), log_probs.tolist(), strict=True)
    ]


@torch.inference_mode()
def stream_tokens(
    model: Model[AnyState],
    source_ids: Int[Tensor, "1 S"],
    source_lengths: Int[Tensor, " 1"],
    *,
    limit: LengthLimit,
    choose: Chooser = most_probable,
    rules: Sequence[Rule] = (),
    permits: Permit | None = None,
) -> Iterator[int]:
    """The tokens of one sentence, each as soon as it is known, without EOS.

    A token after which the sentence is not permitted is barred, and another one chosen. That
    draws from the same distribution as if all those tokens had been barred before, at the cost
    of looking at one token only.
    """
    state = model.encode(source_ids, source_lengths)
    token_ids = begin_of_sentence(source_ids)
    generated: list[int] = []
    for _ in range(int(limit.of(source_lengths))):
        logits, state = model.step(token_ids, state)
        logits = next_token_logits(logits)
        ruled = logits
        if rules:
            ruled = apply_rules(rules, logits, token_ids.new_tensor([generated]))
        token_ids = choose(ruled)
        while permits and int(token_ids) != EOS_ID and not permits([*generated, int(token_ids)]):
            ruled = leave_an_end(ruled.index_fill(1, token_ids, -math.inf), logits)
            token_ids = choose(ruled)
        token_id = int(token_ids)
        if token_id == EOS_ID:
            return
        if rules or permits:
            generated.append(token_id)
        yield token_id


def _until_end(ids: list[int]) -> list[int]:
    return ids[: ids.index(EOS_ID)] if EOS_ID in ids else ids
