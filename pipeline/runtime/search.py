"""Greedy and beam search over an exported model: those of `pipeline.decoding`, in numpy."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.errors import ConfigError
from pipeline.hypothesis import Hypothesis
from pipeline.runtime.model import Floats, OnnxModel, Steps, collate_sources
from pipeline.tokenizer import BOS_ID, EOS_ID

_FULL_ENOUGH = 7 / 8
"""While so much of a batch is open, moving the states of its rows costs more than it saves."""


def greedy_search(
    model: OnnxModel, sources: Sequence[Sequence[int]], max_lengths: Sequence[int]
) -> list[Hypothesis]:
    """The most probable token at each step; rows that are finished leave, several at a time.

    Args:
        model: The model.
        sources: Ids without EOS.
        max_lengths: How many tokens each hypothesis may have, EOS counted.
    """
    state = model.encode(*collate_sources(sources))
    rows = np.arange(len(sources))  # which sentence each row belongs to
    num_left = np.array(max_lengths)
    token_ids = np.full((len(rows), 1), BOS_ID)
    ids: list[list[int]] = [[] for _ in rows]
    log_probs = [0.0] * len(rows)
    while True:
        until_open = math.floor(_FULL_ENOUGH * len(rows))
        steps, state = model.generate(token_ids, state, num_left=num_left, until_open=until_open)
        found, nats = steps.ids[:, :, 0, 0].T, steps.log_probs[:, :, 0, 0].T  # (B, T)
        is_open = np.zeros(len(rows), bool)
        for i, row in enumerate(rows.tolist()):
            new = found[i, : num_left[i]].tolist()
            num_new = new.index(EOS_ID) + 1 if EOS_ID in new else len(new)
            is_open[i] = EOS_ID not in new and num_new < num_left[i]
            ids[row] += [token_id for token_id in new[:num_new] if token_id != EOS_ID]
            log_probs[row] += float(nats[i, :num_new].sum())
        if not is_open.any():
            break
        num_left, token_ids = (num_left - found.shape[1])[is_open], found[is_open, -1:]
        rows, state = rows[is_open], state.select(np.flatnonzero(is_open))
    return list(map(Hypothesis, ids, log_probs))


def beam_search(
    model: OnnxModel,
    sources: Sequence[Sequence[int]],
    max_lengths: Sequence[int],
    *,
    beam_size: int,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
) -> list[list[Hypothesis]]:
    """The `beam_size` best hypotheses of each sentence, the best first.

    `pipeline.decoding.beam_search` says how they are found and judged.

    Args:
        model: The model.
        sources: Ids without EOS.
        max_lengths: How many tokens each hypothesis may have, EOS counted.
        beam_size: Hypotheses kept side by side.
        length_penalty: See there.
        coverage_penalty: See there.

    Raises:
        ConfigError: There is a coverage penalty, and the model has no attention.
    """
    source_ids, source_lengths = collate_sources(sources)
    state = model.encode(source_ids, source_lengths)
    sentences = np.arange(len(sources))  # which one each row is
    places = np.arange(beam_size)
    limits = np.array(max_lengths)
    finished: list[list[Hypothesis]] = [[] for _ in sources]
    # At first all beams of a sentence are one: the others get -inf.
    state = state.reorder(np.zeros((len(sources), beam_size), np.int64))
    token_ids = np.full((len(sources), beam_size), BOS_ID)
    log_probs = np.full((len(sources), beam_size), -np.inf, np.float32)
    log_probs[:, 0] = 0.0
    generated = np.empty((len(sources), beam_size, 0), np.int64)
    is_padding = np.arange(source_ids.shape[1]) >= source_lengths[:, None]
    coverage = is_padding[:, None].astype(np.float32).repeat(beam_size, axis=1)

    for length in range(1, int(limits.max()) + 1):
        steps, state = model.step(token_ids, state, num_best=beam_size)
        # The best of a sentence are among the best of its beams.
        totals = (log_probs[:, :, None] + steps.log_probs[0]).reshape(len(sentences), -1)
        best = np.argsort(-totals, axis=1, kind="stable")[:, :beam_size]
        log_probs = np.take_along_axis(totals, best, axis=1)
        beams = best // steps.ids.shape[-1]
        token_ids = np.take_along_axis(steps.ids[0].reshape(totals.shape), best, axis=1)
        # Each hypothesis that is finished takes its place in the beam with it.
        num_places = np.array([beam_size - len(finished[i]) for i in sentences.tolist()])
        is_kept = (places < num_places[:, None]) & np.isfinite(log_probs)
        ends = (token_ids == EOS_ID) | (limits[sentences] <= length)[:, None]
        rows = np.arange(len(sentences))[:, None]
        if coverage_penalty:
            coverage = (coverage + _attention(steps))[rows, beams]
        generated = np.concatenate([generated[rows, beams], token_ids[:, :, None]], axis=2)
        for row, place in np.argwhere(ends & is_kept).tolist():
            log_prob = float(log_probs[row, place])
            score = log_prob / length**length_penalty
            if coverage_penalty:
                score += coverage_penalty * _log_coverage(coverage[row, place])
            ids = [token_id for token_id in generated[row, place].tolist() if token_id != EOS_ID]
            finished[sentences[row]].append(Hypothesis(ids, log_prob, score))
        log_probs = np.where(ends | ~is_kept, -np.inf, log_probs).astype(np.float32)
        kept = np.flatnonzero(np.isfinite(log_probs).any(axis=1))
        if not len(kept):
            break
        state = state.reorder(beams)
        if len(kept) < len(sentences):
            state = state.select(kept)
            sentences, log_probs, token_ids = sentences[kept], log_probs[kept], token_ids[kept]
            generated, coverage = generated[kept], coverage[kept]
    return [sorted(each, key=_score, reverse=True) for each in finished]


def attention_along(
    model: OnnxModel, source_ids: Sequence[int], target_ids: Sequence[int]
) -> list[list[float]]:
    """The attention weights of the step that gives each target token, and of that after the last.

    Raises:
        ConfigError: The model has no attention.
    """
    state = model.encode(*collate_sources([source_ids]))
    rows = []
    for token_id in (BOS_ID, *target_ids):
        steps, state = model.step(np.array([[token_id]]), state, num_best=1)
        rows.append(_attention(steps)[0, 0].tolist())
    return rows


def _attention(steps: Steps) -> Floats:
    """Where the last step looked: (B, K, S)."""
    if steps.attention is None:
        raise ConfigError("coverage_penalty: expected a model with attention, this one has none")
    last: Floats = steps.attention[-1]
    return last


def _log_coverage(coverage: Floats) -> float:
    """The sum of the logarithms; what float32 has as 0 counts as its smallest number."""
    tiny = np.finfo(np.float32).tiny
    return float(np.log(coverage.clip(tiny, 1.0)).sum())


def _score(hypothesis: Hypothesis) -> float:
    assert hypothesis.score is not None
    return hypothesis.score
