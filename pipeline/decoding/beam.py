"""Beam search: the best hypothesis among several that grow side by side."""

import math

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.decoding.protocol import (
    AnyState,
    Hypothesis,
    LengthLimit,
    Model,
    begin_of_sentence,
    next_token_logits,
)
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
) -> list[list[Hypothesis]]:
    """The `beam_size` best hypotheses of each sentence, the best first.

    A finished hypothesis is judged by log_prob / length ** length_penalty, its EOS counted: 1 is
    the mean log-probability of a token, 0 the plain log-probability, which favours short ones.
    The beam narrows by each hypothesis that is finished, and the sentence is done when all are
    (Bahdanau et al. 2015): a beam of one is greedy decoding.
    """
    num_sentences = source_ids.shape[0]
    device = source_ids.device
    state = model.encode(source_ids, source_lengths)
    max_lengths = limit.of(source_lengths)
    finished: list[list[tuple[float, Hypothesis]]] = [[] for _ in range(num_sentences)]

    # Rows are sentences x beams. At first all beams of a sentence are one: the others get -inf.
    sentences = torch.arange(num_sentences, device=device)
    places = torch.arange(beam_size, device=device)
    state = state.select(sentences.repeat_interleave(beam_size))
    token_ids = begin_of_sentence(source_ids).repeat_interleave(beam_size)
    log_probs = torch.full((num_sentences, beam_size), -math.inf, device=device)
    log_probs[:, 0] = 0.0
    generated = torch.empty((num_sentences, beam_size, 0), dtype=torch.long, device=device)

    for length in range(1, int(max_lengths.max()) + 1):
        logits, state = model.step(token_ids, state)
        step_log_probs = next_token_logits(logits).log_softmax(dim=-1)
        num_open, vocab_size = sentences.shape[0], step_log_probs.shape[-1]
        totals = log_probs.unsqueeze(-1) + step_log_probs.view(num_open, beam_size, vocab_size)
        best, flat = totals.flatten(1).topk(beam_size, dim=-1)
        beams, tokens = flat // vocab_size, flat % vocab_size
        at_limit = max_lengths[sentences] <= length
        ends = (tokens == EOS_ID) | at_limit.unsqueeze(1)
        # Each hypothesis that is finished takes its place in the beam with it.
        num_places = torch.tensor(
            [beam_size - len(finished[i]) for i in sentences.tolist()], device=device
        )
        is_kept = (places < num_places.unsqueeze(1)) & best.isfinite()
        for row, candidate in (ends & is_kept).nonzero().tolist():
            ids = generated[row, int(beams[row, candidate])].tolist()
            if (token := int(tokens[row, candidate])) != EOS_ID:
                ids.append(token)
            hypothesis = Hypothesis(ids, float(best[row, candidate]))
            score = hypothesis.log_prob / length**length_penalty
            finished[int(sentences[row])].append((score, hypothesis))

        log_probs = best.masked_fill(ends | ~is_kept, -math.inf)
        generated = torch.cat(
            [
                generated.gather(1, beams.unsqueeze(-1).expand(-1, -1, length - 1)),
                tokens.unsqueeze(-1),
            ],
            dim=-1,
        )
        is_open = log_probs.isfinite().any(dim=1)
        kept_sentences = is_open.nonzero().squeeze(1)
        if not kept_sentences.numel():
            break
        rows = (kept_sentences.unsqueeze(1) * beam_size + beams[kept_sentences]).flatten()
        state = state.select(rows)
        sentences, log_probs = sentences[kept_sentences], log_probs[kept_sentences]
        generated, token_ids = generated[kept_sentences], tokens[kept_sentences].flatten()
    return [
        [hypothesis for _, hypothesis in sorted(scored, key=_score, reverse=True)[:beam_size]]
        for scored in finished
    ]


def _score(scored: tuple[float, Hypothesis]) -> float:
    return scored[0]
