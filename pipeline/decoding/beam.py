"""Beam search: the best hypothesis among several that grow side by side."""

import itertools
import math
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.decoding.protocol import (
    AnyState,
    LengthLimit,
    Model,
    attention_of,
    begin_of_sentence,
    next_token_logits,
)
from pipeline.decoding.rules import Rule, apply_rules
from pipeline.hypothesis import Hypothesis
from pipeline.tokenizer import EOS_ID


@torch.inference_mode()
def beam_search(
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
    num_groups: int = 1,
    diversity: float = 0.0,
) -> list[list[Hypothesis]]:
    """The `beam_size` best hypotheses of each sentence, the best first.

    A finished hypothesis is judged by log_prob / length ** length_penalty, its EOS counted: 1 is
    the mean log-probability of a token, 0 the plain log-probability, which favours short ones.
    The beam narrows by each hypothesis that is finished, and the sentence is done when all are
    (Bahdanau et al. 2015): a beam of one is greedy decoding.

    To the score is added coverage_penalty * sum_i log(min(sum_j p_ij, 1)), where p_ij is how much
    attention step j paid to the source token i (Wu et al. 2016, equation 14): what no step looked
    at was left out, and costs. It is told when a hypothesis is finished, as theirs is.

    With several groups it is diverse beam search (Vijayakumar et al. 2018, algorithm 1) with
    their Hamming diversity: each group searches by itself, in their order, and a token counts
    `diversity` nats less for each hypothesis of the groups before that takes it at this step.
    What two groups find is given once, so that there may be fewer than `beam_size`.

    Rules and diversity decide what is chosen at a step; the log-probability that hypotheses
    carry, and are judged by, is the model's own.

    Args:
        model: The model.
        source_ids: The sources.
        source_lengths: Their lengths.
        beam_size: Hypotheses kept side by side, in all groups together.
        limit: How long a hypothesis may become.
        length_penalty: See above.
        coverage_penalty: See above.
        rules: What may follow.
        allow_unknown: Whether UNK may: for whoever puts something in its place.
        num_groups: A divisor of `beam_size`.
        diversity: Nats.

    Raises:
        ConfigError: There is a coverage penalty, and the model has no attention.
    """
    group_size, remainder = divmod(beam_size, num_groups)
    assert not remainder, (beam_size, num_groups)
    num_sentences = source_ids.shape[0]
    device = source_ids.device
    state = model.encode(source_ids, source_lengths)
    max_lengths = limit.of(source_lengths)
    finished: list[list[Hypothesis]] = [[] for _ in range(num_sentences * num_groups)]

    # Rows are sentences x groups x beams. A group is searched as if it were a sentence of its
    # own. At first all its beams are one: the others get -inf.
    groups = torch.arange(num_sentences * num_groups, device=device)
    places = torch.arange(group_size, device=device)
    state = state.select((groups // num_groups).repeat_interleave(group_size))
    token_ids = begin_of_sentence(source_ids).repeat_interleave(beam_size)
    log_probs = torch.full((len(groups), group_size), -math.inf, device=device)
    log_probs[:, 0] = 0.0
    generated = torch.empty((len(groups), group_size, 0), dtype=torch.long, device=device)
    coverage = _no_coverage(source_ids, source_lengths).repeat_interleave(beam_size, dim=0)

    for length in range(1, int(max_lengths.max()) + 1):
        logits, state = model.step(token_ids, state)
        logits = next_token_logits(logits, allow_unknown=allow_unknown)
        vocab_size = logits.shape[-1]
        totals = _totals(log_probs, logits.log_softmax(dim=-1))
        scores = totals
        if rules:
            ruled = apply_rules(rules, logits, generated.flatten(0, 1))
            scores = _totals(log_probs, ruled - logits.logsumexp(dim=-1, keepdim=True))
        # Each hypothesis that is finished takes its place in the beam with it.
        num_places = torch.tensor(
            [group_size - len(finished[i]) for i in groups.tolist()], device=device
        )
        is_place = places < num_places.unsqueeze(1)
        if num_groups == 1:
            flat = scores.topk(group_size, dim=-1).indices
        else:
            flat = _diverse(scores, groups, is_place, num_groups, diversity, vocab_size)
        best = totals.gather(1, flat)
        beams, tokens = flat // vocab_size, flat % vocab_size
        at_limit = max_lengths[groups // num_groups] <= length
        ends = (tokens == EOS_ID) | at_limit.unsqueeze(1)
        is_kept = is_place & scores.gather(1, flat).isfinite()
        if coverage_penalty:
            coverage = coverage + attention_of(state)
        for row, candidate in (ends & is_kept).nonzero().tolist():
            ids = generated[row, int(beams[row, candidate])].tolist()
            if (token := int(tokens[row, candidate])) != EOS_ID:
                ids.append(token)
            log_prob = float(best[row, candidate])
            score = log_prob / length**length_penalty
            if coverage_penalty:
                place = row * group_size + int(beams[row, candidate])
                score += coverage_penalty * _log_coverage(coverage[place])
            finished[int(groups[row])].append(Hypothesis(ids, log_prob, score))

        log_probs = best.masked_fill(ends | ~is_kept, -math.inf)
        generated = torch.cat(
            [
                generated.gather(1, beams.unsqueeze(-1).expand(-1, -1, length - 1)),
                tokens.unsqueeze(-1),
            ],
            dim=-1,
        )
        is_open = log_probs.isfinite().any(dim=1)
        kept_groups = is_open.nonzero().squeeze(1)
        if not kept_groups.numel():
            break
        rows = (kept_groups.unsqueeze(1) * group_size + beams[kept_groups]).flatten()
        state = state.reorder(rows) if is_open.all() else state.select(rows)
        coverage = coverage[rows]
        groups, log_probs = groups[kept_groups], log_probs[kept_groups]
        generated, token_ids = generated[kept_groups], tokens[kept_groups].flatten()
    return [
        _best(itertools.chain(*finished[first : first + num_groups]), beam_size)
        for first in range(0, len(finished), num_groups)
    ]


def _no_coverage(
    source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
) -> Float[Tensor, "B S"]:
    """0 where nothing was looked at yet; 1 on the padding, which nobody has to look at."""
    places = torch.arange(source_ids.shape[1], device=source_ids.device)
    return (places >= source_lengths.unsqueeze(1)).float()


def _log_coverage(coverage: Float[Tensor, " S"]) -> float:
    """The sum of the logarithms; what float32 has as 0 counts as its smallest number."""
    tiny = torch.finfo(coverage.dtype).tiny
    return float(coverage.clamp(min=tiny, max=1.0).log().sum())


def _totals(
    log_probs: Float[Tensor, "G beams"], step_log_probs: Float[Tensor, "rows V"]
) -> Float[Tensor, "G N"]:
    """Of each beam with each token after it."""
    steps = step_log_probs.view(*log_probs.shape, -1)
    return (log_probs.unsqueeze(-1) + steps).flatten(1)


def _diverse(
    scores: Float[Tensor, "G N"],
    groups: Int[Tensor, " G"],
    is_place: Bool[Tensor, "G beams"],
    num_groups: int,
    diversity: float,
    vocab_size: int,
) -> Int[Tensor, "G beams"]:
    """The best continuations of each group, which shuns the tokens of those before it."""
    sentences, ranks = groups // num_groups, groups % num_groups
    group_size = is_place.shape[1]
    flat = torch.zeros(is_place.shape, dtype=torch.long, device=scores.device)
    num_taken = scores.new_zeros(int(sentences.max()) + 1, vocab_size)
    for rank in range(num_groups):
        of_rank = (ranks == rank).nonzero().squeeze(1)
        penalties = diversity * num_taken[sentences[of_rank]].repeat(1, group_size)
        best = (scores[of_rank] - penalties).topk(group_size, dim=-1)
        flat[of_rank] = best.indices
        is_taken = is_place[of_rank] & best.values.isfinite()
        num_taken.index_put_(
            (sentences[of_rank].unsqueeze(1), best.indices % vocab_size),
            is_taken.to(num_taken.dtype),
            accumulate=True,
        )
    return flat


def _best(finished: Iterable[Hypothesis], beam_size: int) -> list[Hypothesis]:
    """The best first, each once."""
    best: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in sorted(finished, key=_score, reverse=True):
        best.setdefault(tuple(hypothesis.ids), hypothesis)
    return list(best.values())[:beam_size]


def _score(hypothesis: Hypothesis) -> float:
    assert hypothesis.score is not None
    return hypothesis.score
