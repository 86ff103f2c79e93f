import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import (
    LengthLimit,
    MinLength,
    NoRepeatContextNgram,
    NoRepeatNgram,
    RepetitionPenalty,
    Rule,
    Sampler,
    beam_search,
    greedy_search,
    stream_tokens,
)
from pipeline.decoding.rules import apply_rules
from pipeline.errors import ConfigError
from pipeline.tokenizer import EOS_ID
from tests.unit.decoding.test_search import SOURCES, log_prob, network, seeds

BAR = -math.inf


def ids(*rows: Sequence[int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.long).view(len(rows), -1)


def barred(logits: Tensor) -> list[list[int]]:
    return [row.isneginf().nonzero().squeeze(1).tolist() for row in logits]


def zeros(num_rows: int) -> Tensor:
    return torch.zeros(num_rows, 8)


def ngrams(tokens: Sequence[int], size: int) -> list[tuple[int, ...]]:
    return [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]


def test_the_repetition_penalty_by_hand() -> None:
    logits = torch.tensor([[1.0, -1.0, 3.0, 0.0], [1.0, -1.0, 3.0, BAR]])
    ruled = RepetitionPenalty(2.0)(logits, ids([0, 1], [3, 3]))
    assert ruled.tolist() == [[0.5, -2.0, 3.0, 0.0], [1.0, -1.0, 3.0, BAR]]
    ruled = RepetitionPenalty(2.0, context_ids=[2])(logits, ids([0], [1]))
    assert ruled.tolist() == [[0.5, -1.0, 1.5, 0.0], [1.0, -2.0, 1.5, BAR]]


@pytest.mark.parametrize(
    ("size", "generated", "expected"),
    [
        (1, [5, 6], [5, 6]),
        (2, [5, 6, 5], [6]),
        (2, [5, 5], [5]),
        (2, [5], []),
        (3, [5, 6, 7, 5, 6], [7]),
        (3, [5, 6, 7, 5, 6, 4, 5, 6], [4, 7]),
        (3, [5, 6, 7, 6, 5], []),
    ],
)
def test_ngrams_that_would_come_twice(size: int, generated: list[int], expected: list[int]) -> None:
    assert barred(NoRepeatNgram(size)(zeros(1), ids(generated))) == [expected]


def test_each_row_has_its_own_ngrams() -> None:
    generated = ids([4, 5, 4], [6, 7, 6], [4, 5, 6])
    assert barred(NoRepeatNgram(2)(zeros(3), generated)) == [[5], [7], []]


@pytest.mark.parametrize(
    ("size", "context", "generated", "expected"),
    [
        (1, [4, 5], [], [4, 5]),
        (2, [4, 5, 6], [4], [5]),
        (2, [4, 5, 4, 6], [7, 4], [5, 6]),
        (2, [4, 5], [], []),
        (3, [4, 5, 6], [4, 5], [6]),
        (3, [4, 5, 6], [5, 4], []),
        (3, [4, 5], [4, 5], []),
        (2, [], [4], []),
    ],
)
def test_ngrams_of_the_context(
    size: int, context: list[int], generated: list[int], expected: list[int]
) -> None:
    rule = NoRepeatContextNgram(size, context)
    assert barred(rule(zeros(1), ids(generated))) == [expected]


def test_no_end_before_the_least_length() -> None:
    rule = MinLength(2)
    assert barred(rule(zeros(1), ids([]))) == [[EOS_ID]]
    assert barred(rule(zeros(2), ids([4], [5]))) == [[EOS_ID]] * 2
    assert barred(rule(zeros(1), ids([4, 5]))) == [[]]


def test_where_everything_is_barred_a_row_can_still_end() -> None:
    rules: list[Rule] = [MinLength(9), NoRepeatNgram(1)]
    generated = ids([0, 1, 2, 4, 5, 6, 7], [0, 0, 0, 0, 0, 0, 0])
    logits = torch.arange(16.0).view(2, 8)
    ruled = apply_rules(rules, logits, generated)
    assert barred(ruled) == [[0, 1, 2, 4, 5, 6, 7], [0, EOS_ID]]
    assert ruled[0, EOS_ID] == 3.0  # its own logit
    assert logits.isfinite().all()  # those given are as they were


@pytest.mark.parametrize(
    "rule",
    [RepetitionPenalty(1.5, [4]), NoRepeatNgram(1), NoRepeatContextNgram(1, [4]), MinLength(9)],
)
def test_a_rule_leaves_the_logits_it_is_given(rule: Rule) -> None:
    logits = torch.ones(1, 8)
    ruled = rule(logits, ids([5, 6]))
    assert logits.tolist() == torch.ones(1, 8).tolist() != ruled.tolist()


def test_bad_rules() -> None:
    with pytest.raises(ConfigError, match=r"^repetition_penalty: expected 1 or more, got 0.5$"):
        RepetitionPenalty(0.5)
    with pytest.raises(ConfigError, match=r"^n-gram size: expected 1 or more, got 0$"):
        NoRepeatNgram(0)
    with pytest.raises(ConfigError, match=r"^n-gram size: expected 1 or more, got -1$"):
        NoRepeatContextNgram(-1, [4])


LIMIT = LengthLimit(ratio=1.0, extra=6)
RULES: list[Sequence[Rule]] = [
    [NoRepeatNgram(2)],
    [RepetitionPenalty(1.5), NoRepeatNgram(3)],
    [NoRepeatNgram(2), NoRepeatContextNgram(2, [4, 5, 6, 4]), MinLength(3)],
]


@seeds
@pytest.mark.parametrize("rules", RULES)
def test_ruled_greedy_is_a_ruled_beam_of_one_is_a_ruled_stream_alone_and_in_a_batch(
    seed: int, rules: Sequence[Rule]
) -> None:
    model = network(seed, eos_bias=-1.0)
    source_ids, source_lengths = collate_sources(SOURCES)
    greedy = greedy_search(model, source_ids, source_lengths, limit=LIMIT, rules=rules)
    beams = beam_search(model, source_ids, source_lengths, beam_size=1, limit=LIMIT, rules=rules)
    assert [nbest[0].ids for nbest in beams] == [hypothesis.ids for hypothesis in greedy]
    for source, hypothesis in zip(SOURCES, greedy, strict=True):
        stream = stream_tokens(model, *collate_sources([source]), limit=LIMIT, rules=rules)
        assert list(stream) == hypothesis.ids
    unruled = greedy_search(model, source_ids, source_lengths, limit=LIMIT)
    assert greedy != unruled


@seeds
@pytest.mark.parametrize("num_groups", [1, 2])
def test_no_hypothesis_of_a_beam_breaks_the_rules(seed: int, num_groups: int) -> None:
    context = [4, 5, 6, 4]
    rules: list[Rule] = [NoRepeatNgram(2), NoRepeatContextNgram(2, context), MinLength(3)]
    found = beam_search(
        network(seed, eos_bias=-1.0),
        *collate_sources(SOURCES),
        beam_size=4,
        num_groups=num_groups,
        limit=LIMIT,
        rules=rules,
    )
    for nbest in found:
        assert nbest
        for hypothesis in nbest:
            said = ngrams(hypothesis.ids, 2)
            assert len(set(said)) == len(said)
            assert set(said).isdisjoint(ngrams(context, 2))
            # Three tokens have six pairs that the context lacks; then a row may have to end.
            assert len(hypothesis.ids) >= 3


@seeds
def test_under_rules_the_log_prob_is_the_models_own(seed: int) -> None:
    model = network(seed)
    rules: list[Rule] = [RepetitionPenalty(1.5), MinLength(2)]
    limit = LengthLimit(ratio=0.0, extra=7)
    batch = collate_sources(SOURCES)
    greedy = greedy_search(model, *batch, limit=limit, rules=rules)
    beams = beam_search(model, *batch, beam_size=3, limit=limit, rules=rules)
    for source, one, nbest in zip(SOURCES, greedy, beams, strict=True):
        for hypothesis in [one, *nbest]:
            expected = log_prob(model, source, hypothesis.ids, ended=len(hypothesis.ids) < 7)
            assert hypothesis.log_prob == pytest.approx(expected, abs=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(0, 12))
def test_whatever_is_drawn_keeps_the_rules_and_ends(seed: int, size: int, least: int) -> None:
    sampler = Sampler(temperature=3.0, generator=torch.Generator().manual_seed(seed))
    rules: list[Rule] = [NoRepeatNgram(size), MinLength(least)]
    found = greedy_search(
        network(0),
        *collate_sources(SOURCES),
        limit=LengthLimit(ratio=0.0, extra=14),
        choose=sampler,
        rules=rules,
    )
    for hypothesis in found:
        said = ngrams(hypothesis.ids, size)
        assert len(set(said)) == len(said)
        # A, B and C make 3 ** size n-grams: what is longer than they allow had to end.
        assert len(hypothesis.ids) >= min(least, size)


@seeds
def test_a_token_that_is_not_permitted_is_never_chosen(seed: int) -> None:
    model, limit = network(seed, eos_bias=-20.0), LengthLimit(ratio=0.0, extra=6)
    usual = list(stream_tokens(model, *collate_sources([[4, 5]]), limit=limit))
    assert len(usual) == 6
    seen: list[list[int]] = []

    def permits(tokens: list[int]) -> bool:
        seen.append(tokens)
        return tokens != usual[:3]

    found = list(stream_tokens(model, *collate_sources([[4, 5]]), limit=limit, permits=permits))
    assert found[:2] == usual[:2]
    assert found[2] != usual[2]
    assert seen[:3] == [usual[:1], usual[:2], usual[:3]]


def test_where_no_token_is_permitted_it_ends() -> None:
    stream = stream_tokens(
        network(0, eos_bias=-20.0),
        *collate_sources([[4, 5]]),
        limit=LIMIT,
        rules=[MinLength(5)],
        permits=lambda tokens: len(tokens) < 3,
    )
    assert len(list(stream)) == 2


def test_what_is_drawn_instead_is_drawn_as_if_the_others_had_been_barred() -> None:
    class Fixed:
        """Tokens 4, 5, 6 with probabilities 0.5, 0.4, 0.1."""

        def encode(self, source_ids: Tensor, source_lengths: Tensor) -> "Fixed":
            return self

        def select(self, rows: Tensor) -> "Fixed":
            return self

        reorder = select

        def step(self, token_ids: Tensor, state: "Fixed") -> tuple[Tensor, "Fixed"]:
            probabilities = torch.tensor([[0, 0, 0, 0, 0.5, 0.4, 0.1]])
            return probabilities.log(), state

    sampler = Sampler(generator=torch.Generator().manual_seed(1))
    stream = stream_tokens(
        Fixed(),
        *collate_sources([[4]]),
        limit=LengthLimit(ratio=0.0, extra=500),
        choose=sampler,
        permits=lambda tokens: tokens[-1] != 4,
    )
    said = list(stream)
    assert set(said) == {5, 6}
    assert said.count(5) / len(said) == pytest.approx(0.8, abs=0.06)
