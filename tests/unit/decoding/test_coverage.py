"""The coverage penalty of beam search."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import Hypothesis, LengthLimit, beam_search, search_best
from pipeline.errors import ConfigError
from pipeline.nn.config import AttentionName
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import BOS_ID, EOS_ID
from tests.unit.decoding.test_search import SOURCES, A, B, C, Script, log_prob, network, seeds

LIMIT = LengthLimit(ratio=1.0, extra=3)


def search(model: Seq2Seq, sources: Sequence[list[int]], penalty: float) -> list[list[Hypothesis]]:
    return beam_search(
        model, *collate_sources(sources), beam_size=3, limit=LIMIT, coverage_penalty=penalty
    )


def log_coverage(model: Seq2Seq, source: list[int], ids: Sequence[int], *, ended: bool) -> float:
    """Step by step, a sentence alone: sum_i log(min(sum_j p_ij, 1))."""
    state = model.encode(*collate_sources([source]))
    covered = [0.0] * (len(source) + 1)
    for token in [BOS_ID, *ids][: len(ids) + ended]:
        _, state = model.step(torch.tensor([token]), state)
        assert state.attention_weights is not None
        for i, weight in enumerate(state.attention_weights[0].tolist()):
            covered[i] += weight
    return sum(math.log(min(share, 1.0)) for share in covered)


@dataclass(frozen=True)
class Looking:
    """The state of a scripted model that looks somewhere."""

    tables: Tensor
    attention_weights: Tensor | None = None

    def select(self, rows: Tensor) -> "Looking":
        weights = self.attention_weights
        return Looking(self.tables[rows], None if weights is None else weights[rows])

    reorder = select


class LookingScript(Script):
    """A script that looks at two source tokens and their EOS as the last token says."""

    looks = torch.zeros(7, 3)
    looks[BOS_ID] = torch.tensor([0.6, 0.2, 0.2])
    looks[A] = torch.tensor([0.6, 0.1, 0.3])
    looks[B] = torch.tensor([0.1, 0.7, 0.2])

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> Looking:  # type: ignore[override]
        return Looking(source_ids[:, 0] - A)

    def step(self, token_ids: Tensor, state: Looking) -> tuple[Tensor, Looking]:  # type: ignore[override]
        logits = self._logits[state.tables, token_ids]
        return logits, Looking(state.tables, self.looks[token_ids])


# A sums to (1.2, 0.3, 0.5), of which 1.2 counts as 1: -1.90. B to (0.7, 0.9, 0.4): -1.38.
# A token, A has log(0.6) / 2 = -0.26 and B log(0.4) / 2 = -0.46. 0.4 decides for B only because
# what was looked at more than once counts once.
@pytest.mark.parametrize(("penalty", "best"), [(0.0, A), (0.3, A), (0.4, B), (2.0, B)])
def test_the_penalty_by_hand(penalty: float, best: int) -> None:
    script = LookingScript(
        {BOS_ID: {A: 0.6, B: 0.4}, A: {EOS_ID: 1.0}, B: {EOS_ID: 1.0}},
    )
    (nbest,) = beam_search(
        script,
        *collate_sources([[A, B]]),
        beam_size=2,
        limit=LengthLimit(),
        coverage_penalty=penalty,
    )
    scores = {
        A: math.log(0.6) / 2 + penalty * math.log(0.3 * 0.5),
        B: math.log(0.4) / 2 + penalty * math.log(0.7 * 0.9 * 0.4),
    }
    assert nbest[0].ids == [best]
    assert [h.score for h in nbest] == pytest.approx(sorted(scores.values(), reverse=True))
    assert {h.ids[0]: h.log_prob for h in nbest} == pytest.approx(
        {A: math.log(0.6), B: math.log(0.4)}
    )


@seeds
@pytest.mark.parametrize("attention", ["dot", "additive", "multi_head"])
def test_the_score_is_the_log_prob_a_token_and_the_coverage(
    seed: int, attention: AttentionName
) -> None:
    model = network(seed, attention=attention)
    for source, nbest in zip(SOURCES, search(model, SOURCES, 0.3), strict=True):
        max_length = len(source) + 1 + 3
        for hypothesis in nbest:
            ended = len(hypothesis.ids) < max_length
            length = len(hypothesis.ids) + ended
            expected = log_prob(model, source, hypothesis.ids, ended=ended) / length
            expected += 0.3 * log_coverage(model, source, hypothesis.ids, ended=ended)
            assert hypothesis.score == pytest.approx(expected, abs=1e-4)
        scores = [h.score for h in nbest if h.score is not None]
        assert scores == sorted(scores, reverse=True)


@seeds
@pytest.mark.parametrize("max_length", [2, 3])
def test_a_wide_beam_is_an_exhaustive_search(seed: int, max_length: int) -> None:
    model = network(seed, eos_bias=1.0)
    scored: list[tuple[float, list[int]]] = []
    for length in range(max_length + 1):
        for ids in itertools.product([A, B, C], repeat=length):
            ended = length < max_length
            score = log_prob(model, SOURCES[0], ids, ended=ended) / (length + ended)
            score += 0.5 * log_coverage(model, SOURCES[0], ids, ended=ended)
            scored.append((score, list(ids)))
    scored.sort(reverse=True)
    (nbest,) = beam_search(
        model,
        *collate_sources(SOURCES[:1]),
        beam_size=len(scored),
        limit=LengthLimit(ratio=0.0, extra=max_length),
        coverage_penalty=0.5,
    )
    assert [hypothesis.ids for hypothesis in nbest] == [ids for _, ids in scored]


@seeds
def test_a_sentence_alone_and_in_a_batch_is_the_same(seed: int) -> None:
    model = network(seed)
    for source, in_batch in zip(SOURCES, search(model, SOURCES, 0.5), strict=True):
        (alone,) = search(model, [source], 0.5)
        assert [h.ids for h in alone] == [h.ids for h in in_batch]
        assert [h.score for h in alone] == pytest.approx([h.score for h in in_batch], abs=1e-4)


def test_the_penalty_changes_which_hypothesis_is_best_and_none_changes_nothing() -> None:
    def best(penalty: float | None) -> list[list[int]]:
        options: dict[str, Any] = {} if penalty is None else {"coverage_penalty": penalty}
        return [
            hypothesis.ids
            for seed in range(4)
            for hypothesis in search_best(
                network(seed), *collate_sources(SOURCES), beam_size=3, limit=LIMIT, **options
            )
        ]

    assert best(0.0) == best(None)
    assert best(2.0) != best(None)


def test_what_nobody_looked_at_at_all_costs_much_but_not_everything() -> None:
    script = LookingScript({BOS_ID: {A: 0.6, EOS_ID: 0.4}, A: {EOS_ID: 1.0}})
    script.looks = script.looks.clone()
    script.looks[BOS_ID] = torch.tensor([1.0, 0.0, 0.0])
    (nbest,) = beam_search(
        script,
        *collate_sources([[A, B]]),
        beam_size=2,
        limit=LengthLimit(),
        coverage_penalty=0.1,
    )
    assert [hypothesis.ids for hypothesis in nbest] == [[A], []]
    assert all(math.isfinite(hypothesis.score or 0.0) for hypothesis in nbest)


def test_without_attention_there_is_no_coverage() -> None:
    with pytest.raises(ConfigError, match="^coverage_penalty: expected a model with attention"):
        search(network(0, attention="none"), SOURCES, 0.1)
    assert search(network(0, attention="none"), SOURCES, 0.0)
