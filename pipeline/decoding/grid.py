"""Grid beam search: the best hypothesis among those that hold given sequences of tokens."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.batch import collate_sources, rows_by_length
from pipeline.decoding.constraints import NONE, Constraint, ConstraintTable, Progress
from pipeline.decoding.protocol import (
    AnyState,
    LengthLimit,
    Model,
    begin_of_sentence,
    next_token_logits,
)
from pipeline.hypothesis import Hypothesis
from pipeline.tokenizer import EOS_ID

_LEAST = 0.01
"""Attention and the ends of words are hints: they count as so probable at least."""


class Constrained(NamedTuple):
    """The best hypothesis, and those of its sentence's constraints that it does not hold."""

    hypothesis: Hypothesis
    missing: list[int]


ConstrainedSearch = Callable[[Tensor, Tensor, Sequence[Sequence[Constraint]]], list[Constrained]]
"""From `source_ids` (B, S), `source_lengths` (B) and the constraints of each row to the best."""


@torch.inference_mode()
def grid_beam_search(
    model: Model[AnyState],
    source_ids: Int[Tensor, "B S"],
    source_lengths: Int[Tensor, " B"],
    constraints: Sequence[Sequence[Constraint]],
    *,
    beam_size: int,
    limit: LengthLimit,
    length_penalty: float = 1.0,
    inner_ids: Sequence[int] = (),
) -> list[Constrained]:
    """The best hypothesis of each sentence that holds its constraints (Hokamp & Liu 2017, alg. 1).

    A sentence has a beam for each number of tokens of constraints that a hypothesis may hold. A
    hypothesis stays in its beam by any token, and goes to the next one by a token that begins a
    constraint; in the middle of a constraint it can only go on. So it competes with those alone
    that hold as many tokens which the model would not have chosen. A step costs as many beams as
    the constraints have tokens, and one more. One beam for all numbers (Post & Vilar 2018; Hu et
    al. 2019) costs less, and has to have more places than there are tokens.

    Where to begin a constraint the model cannot say, as it would translate the source otherwise;
    but its attention can. If what the constraint translates is known and the model has attention,
    hypotheses are judged by a mixture as that of See et al. (2017, equation 9), with attention as
    the switch. Let a_j be the attention weight on the places of constraint j, a that on the places
    of all: constraint j begins with probability a_j and then goes on with probability 1, and any
    other token y comes with probability (1 - a) p(y). It begins where a word ends, with the
    probability that none of the `inner_ids` comes, and none of these comes after it. Without
    places or attention, tokens of constraints count as the model's.

    Unlike in `beam_search` a finished hypothesis competes for its place with those that go on, by
    log-probability / length ** length_penalty: what begins with its constraints and ends at once
    would otherwise fill the last beam before better ones come to it.

    The constraints are held whenever they are not longer than the limit together and the model
    gives their tokens any probability. Otherwise a hypothesis that holds most of them is given.

    Args:
        model: The model; the state may have `attention_weights` (B, S) of the last step.
        source_ids: The sources.
        source_lengths: Their lengths.
        constraints: Of each sentence.
        beam_size: Places in each beam.
        limit: How long a hypothesis may become.
        length_penalty: See above.
        inner_ids: Tokens that go on with a word; see above.
    """
    table = ConstraintTable(constraints, source_ids)
    num_beams = int(table.num_tokens.max()) + 1
    inner = torch.tensor(inner_ids, dtype=torch.long, device=source_ids.device)
    max_lengths = limit.of(source_lengths)
    finished = _Finished(source_ids.device)

    progress = table.begin()
    state = model.encode(source_ids, source_lengths)
    token_ids = begin_of_sentence(source_ids)
    generated = source_ids.new_empty(len(source_ids), 0)
    # Log-probabilities of the hypotheses so far: the model's own, and of the mixture.
    log_probs = torch.zeros(len(source_ids), device=source_ids.device)
    mixed = log_probs
    for length in range(1, int(max_lengths.max()) + 1):
        logits, state = model.step(token_ids, state)
        step_log_probs = next_token_logits(logits).log_softmax(dim=-1)
        asked = table.next_ids(progress, max_lengths[progress.sentences] - length + 1)
        freely, by_constraint = _mixture(
            table, progress, step_log_probs, asked, inner, getattr(state, "attention_weights", None)
        )
        # The candidates of a hypothesis: its most probable tokens, and one of each constraint.
        free = freely.topk(min(beam_size, freely.shape[1]), dim=1)
        steps = torch.cat([free.values, by_constraint], dim=1)
        rows, columns = steps.isfinite().nonzero(as_tuple=True)
        mixed = mixed[rows] + steps[rows, columns]
        token_ids = torch.cat([free.indices, asked], dim=1)[rows, columns]
        log_probs = log_probs[rows] + step_log_probs[rows, token_ids]
        chosen = (columns - free.indices.shape[1]).clamp(min=NONE)
        progress = table.advance(progress.select(rows), chosen)

        beams = progress.sentences * num_beams + table.num_covered(progress)
        scores = mixed / length**length_penalty
        ranks = _ranks(torch.cat([beams, finished.beams]), torch.cat([scores, finished.scores]))
        kept = (ranks[: len(beams)] < beam_size).nonzero().squeeze(1)
        rows, token_ids, progress = rows[kept], token_ids[kept], progress.select(kept)
        log_probs, mixed = log_probs[kept], mixed[kept]
        generated = torch.cat([generated[rows], token_ids.unsqueeze(1)], dim=1)
        ends = (token_ids == EOS_ID) | (max_lengths[progress.sentences] <= length)
        finished.add(ends, beams[kept], scores[kept], log_probs, generated, progress)
        open_rows = (~ends).nonzero().squeeze(1)
        if not open_rows.numel():
            break
        state, progress = state.select(rows[open_rows]), progress.select(open_rows)
        token_ids, generated = token_ids[open_rows], generated[open_rows]
        log_probs, mixed = log_probs[open_rows], mixed[open_rows]
    return finished.best(len(constraints))


def decode_constrained(
    sources: Sequence[Sequence[int]],
    constraints: Sequence[Sequence[Constraint]],
    search: ConstrainedSearch,
    *,
    batch_size: int,
    device: torch.device,
) -> list[Constrained]:
    """As `decode_all`, for sentences that have constraints."""
    found: dict[int, Constrained] = {}
    for rows in rows_by_length(sources, batch_size):
        source_ids, source_lengths = collate_sources([sources[i] for i in rows])
        of_rows = [constraints[i] for i in rows]
        best = search(source_ids.to(device), source_lengths.to(device), of_rows)
        found.update(zip(rows, best, strict=True))
    return [found[i] for i in range(len(sources))]


def _mixture(
    table: ConstraintTable,
    progress: Progress,
    log_probs: Float[Tensor, "R V"],
    asked: Int[Tensor, "R C"],
    inner: Int[Tensor, " I"],
    attention_weights: Float[Tensor, "R S"] | None,
) -> tuple[Float[Tensor, "R V"], Float[Tensor, "R C"]]:
    """Log-probabilities of the next token where it is of no constraint, and where it is of each."""
    by_constraint = log_probs.gather(1, asked.clamp(min=0))
    freely = log_probs.clone()
    is_open = (progress.open != NONE).unsqueeze(1)
    if attention_weights is not None:
        attended, all_attended = table.attended(progress, attention_weights)
        ends_word = 1 - log_probs[:, inner].exp().sum(dim=1, keepdim=True)
        begins = _log_hint(attended) + _log_hint(ends_word)
        by_constraint = torch.where(
            table.has_places(progress), begins.masked_fill(is_open, 0.0), by_constraint
        )
        freely += _log_hint(1 - all_attended).unsqueeze(1)
    freely[progress.has_just_met.nonzero(), inner] = -torch.inf
    return (
        freely.masked_fill(is_open, -torch.inf),
        by_constraint.masked_fill(asked == NONE, -torch.inf),
    )


def _log_hint(probabilities: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return probabilities.clamp(min=_LEAST).log()


class _Finished:
    """The hypotheses of all sentences that have come to their end.

    Attributes:
        beams: In which beam each holds a place.
        scores: What it is judged by.
    """

    def __init__(self, device: torch.device) -> None:
        self.beams = torch.empty(0, dtype=torch.long, device=device)
        self.scores = torch.empty(0, device=device)
        self._found: list[tuple[int, list[bool], float, Hypothesis]] = []

    def add(
        self,
        ends: Bool[Tensor, " R"],
        beams: Int[Tensor, " R"],
        scores: Float[Tensor, " R"],
        log_probs: Float[Tensor, " R"],
        generated: Int[Tensor, "R t"],
        progress: Progress,
    ) -> None:
        """Take those that end."""
        self.beams = torch.cat([self.beams, beams[ends]])
        self.scores = torch.cat([self.scores, scores[ends]])
        for sentence, is_met, score, ids, log_prob in zip(
            progress.sentences[ends].tolist(),
            progress.is_met[ends].tolist(),
            scores[ends].tolist(),
            generated[ends].tolist(),
            log_probs[ends].tolist(),
            strict=True,
        ):
            hypothesis = Hypothesis(ids[:-1] if ids[-1] == EOS_ID else ids, log_prob)
            self._found.append((sentence, is_met, score, hypothesis))

    def best(self, num_sentences: int) -> list[Constrained]:
        """Of each sentence the best of those that hold most of its constraints."""
        best: dict[int, Constrained] = {}
        for sentence, is_met, _, hypothesis in sorted(self._found, key=_num_met_and_score):
            missing = [j for j, met in enumerate(is_met) if not met]
            best[sentence] = Constrained(hypothesis, missing)
        return [best[sentence] for sentence in range(num_sentences)]


def _num_met_and_score(found: tuple[int, list[bool], float, Hypothesis]) -> tuple[int, float]:
    _, is_met, score, _ = found
    return sum(is_met), score


def _ranks(groups: Int[Tensor, " N"], scores: Float[Tensor, " N"]) -> Int[Tensor, " N"]:
    """The place of each among those of its group, 0 for the best."""
    order = scores.argsort(descending=True, stable=True)
    order = order[groups[order].argsort(stable=True)]
    in_order = groups[order]
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device=order.device) - torch.searchsorted(
        in_order, in_order
    )
    return ranks
