import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import (
    Constrained,
    Constraint,
    LengthLimit,
    beam_search,
    decode_constrained,
    grid_beam_search,
)
from pipeline.nn.config import AttentionName
from pipeline.tokenizer import BOS_ID, EOS_ID, UNK_ID
from tests.unit.decoding.test_search import A, B, C, Rows, Script, log_prob, network

LIMIT = LengthLimit(ratio=1.0, extra=10)
Demands = Sequence[Sequence[int]]

tokens = st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=3)
demands = st.lists(tokens, min_size=1, max_size=3)


def found(
    model: object,
    sources: Sequence[Sequence[int]],
    constraints: Sequence[Sequence[Constraint]],
    *,
    beam_size: int = 4,
    limit: LengthLimit = LIMIT,
    inner_ids: Sequence[int] = (),
) -> list[Constrained]:
    return grid_beam_search(
        model,  # type: ignore[arg-type]
        *collate_sources(sources),
        constraints,
        beam_size=beam_size,
        limit=limit,
        inner_ids=inner_ids,
    )


def unplaced(*demands: Sequence[int]) -> list[Constraint]:
    return [Constraint(tuple(ids)) for ids in demands]


def holds(ids: Sequence[int], demands: Demands) -> bool:
    """Whether each stands in the ids by itself, none over another."""
    if not demands:
        return True
    first, *others = map(list, demands)
    for start in range(len(ids) - len(first) + 1):
        if list(ids[start : start + len(first)]) == first:
            # 0 is in no constraint: what is taken cannot be taken again
            taken = [*ids[:start], *[0] * len(first), *ids[start + len(first) :]]
            if holds(taken, others):
                return True
    return False


def test_holding_by_hand() -> None:
    assert holds([A, B, A, B], [[A, B], [A, B]])
    assert not holds([A, B, C], [[A, B], [B, C]])
    assert holds([A, B, B, C], [[B, C], [A, B]])
    assert not holds([A, C, B], [[A, B]])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 20),
    attention=st.sampled_from(["dot", "none"]),
    rows=st.lists(st.tuples(tokens, demands), min_size=1, max_size=3),
    beam_size=st.sampled_from([1, 2, 5]),
    is_placed=st.booleans(),
)
def test_every_constraint_is_held_and_the_log_prob_is_the_models_own(
    seed: int,
    attention: AttentionName,
    rows: list[tuple[list[int], list[list[int]]]],
    beam_size: int,
    is_placed: bool,
) -> None:
    model = network(seed, attention=attention)
    places = (0,) if is_placed else ()
    constraints = [[Constraint(tuple(ids), places) for ids in asked] for _, asked in rows]
    sources = [source for source, _ in rows]
    best = found(model, sources, constraints, beam_size=beam_size)
    for (source, asked), (hypothesis, missing) in zip(rows, best, strict=True):
        assert missing == []
        assert holds(hypothesis.ids, asked)
        max_length = len(source) + 1 + LIMIT.extra
        assert len(hypothesis.ids) <= max_length
        ended = len(hypothesis.ids) < max_length
        expected = log_prob(model, source, hypothesis.ids, ended=ended)
        assert hypothesis.log_prob == pytest.approx(expected, abs=1e-3)


def test_without_constraints_the_models_seldom_say_them() -> None:
    # Or the test before would hold for no reason.
    said = [
        holds(beam_search(network(seed), *source, beam_size=4, limit=LIMIT)[0][0].ids, [[A, B, C]])
        for seed in range(8)
        for source in [collate_sources([[4, 5]])]
    ]
    assert sum(said) < 3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("asked", [[], [[B]], [[A, C]], [[B], [B]], [[C], [A]], [[C, A, B]]])
def test_a_wide_search_finds_the_best_of_all_that_hold_the_constraints(
    seed: int, asked: list[list[int]]
) -> None:
    model, source, max_length = network(seed, attention="none", eos_bias=1.0), [4, 5, 6], 4
    scored = []
    for length in range(max_length + 1):
        for ids in itertools.product([A, B, C], repeat=length):
            if holds(ids, asked):
                ended = length < max_length
                total = log_prob(model, source, ids, ended=ended)
                scored.append((total / (length + ended), list(ids)))
    (best,) = found(
        model,
        [source],
        [unplaced(*asked)],
        beam_size=150,
        limit=LengthLimit(ratio=0.0, extra=max_length),
    )
    assert best.hypothesis.ids == max(scored)[1]


@pytest.mark.parametrize("seed", range(4))
def test_no_constraints_is_beam_search(seed: int) -> None:
    model, limit = network(seed), LengthLimit(ratio=0.0, extra=4)
    sources = [[4, 5, 6], [5], []]
    nbest = beam_search(model, *collate_sources(sources), beam_size=150, limit=limit)
    best = found(model, sources, [[], [], []], beam_size=150, limit=limit)
    assert [each.hypothesis.ids for each in best] == [each[0].ids for each in nbest]
    assert [each.missing for each in best] == [[], [], []]


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 2, 10])
def test_alone_is_as_in_a_batch(beam_size: int, batch_size: int) -> None:
    model = network(3, "lstm")
    sources = [[4, 5, 6], [5], [6, 6, 4, 5, 4], [], [4, 4]]
    constraints = [
        [Constraint((B, B), (1,))],
        unplaced([C], [A, B]),
        [Constraint((A,), (0, 4)), Constraint((A,), (2,))],
        [],
        unplaced([A] * 30),
    ]

    def search(
        source_ids: Tensor, source_lengths: Tensor, asked: Sequence[Sequence[Constraint]]
    ) -> list[Constrained]:
        return grid_beam_search(
            model, source_ids, source_lengths, asked, beam_size=beam_size, limit=LIMIT
        )

    together = decode_constrained(
        sources, constraints, search, batch_size=batch_size, device=torch.device("cpu")
    )
    for source, asked, (hypothesis, missing) in zip(sources, constraints, together, strict=True):
        (alone,) = found(model, [source], [asked], beam_size=beam_size)
        assert hypothesis.ids == alone.hypothesis.ids
        assert hypothesis.log_prob == pytest.approx(alone.hypothesis.log_prob, abs=1e-4)
        assert missing == alone.missing
    assert [missing for _, missing in together] == [[], [], [], [], [0]]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_longer_than_the_limit_is_told_and_the_best_without_is_given(seed: int) -> None:
    model, limit = network(seed, attention="none"), LengthLimit(ratio=0.0, extra=3)
    ((hypothesis, missing),) = found(
        model, [[4, 5]], [unplaced([A, B, C, A])], beam_size=100, limit=limit
    )
    ((best, *_),) = beam_search(model, *collate_sources([[4, 5]]), beam_size=100, limit=limit)
    assert missing == [0]
    assert hypothesis.ids == best.ids


def test_of_several_constraints_those_that_fit_are_held() -> None:
    ((hypothesis, missing),) = found(
        network(1),
        [[4, 5]],
        [unplaced([A, B, C, A, B], [C, C])],
        limit=LengthLimit(ratio=0.0, extra=4),
    )
    assert missing == [0]
    assert holds(hypothesis.ids, [[C, C]])


def test_what_cannot_be_held_takes_no_places() -> None:
    # Each beginning of the long one is likelier than the short one, and there is one place.
    model = Script({BOS_ID: {A: 0.9, B: 0.1}, A: {A: 0.9, B: 0.1}, B: {EOS_ID: 1.0}})
    ((hypothesis, missing),) = found(
        model,
        [[A]],
        [unplaced([A] * 5, [B])],
        beam_size=1,
        limit=LengthLimit(ratio=0.0, extra=3),
    )
    assert missing == [0]
    assert B in hypothesis.ids


def test_a_token_that_is_never_generated_is_missing() -> None:
    for places in ((), (0,)):
        ((hypothesis, missing),) = found(
            network(1), [[4, 5]], [[Constraint((A, UNK_ID), places), Constraint((B,), places)]]
        )
        assert missing == [0]
        assert B in hypothesis.ids
        assert UNK_ID not in hypothesis.ids


def test_what_holds_its_constraints_at_once_and_ends_does_not_keep_better_ones_out() -> None:
    model = Script(
        {
            BOS_ID: {A: 0.95, C: 0.05},
            A: {B: 0.95, C: 0.05},
            B: {C: 1.0},
            C: {EOS_ID: 1.0},
        }
    )
    for beam_size in (1, 2, 4):
        ((hypothesis, _),) = found(model, [[A]], [unplaced([C])], beam_size=beam_size)
        # C EOS has ended with 0.05 when A B C EOS comes with 0.9.
        assert hypothesis.ids == [A, B, C]
        assert hypothesis.log_prob == pytest.approx(2 * math.log(0.95))


def test_the_search_is_over_when_nothing_can_take_the_place_of_what_has_ended() -> None:
    steps = []

    class Counted(Script):
        def step(self, token_ids: Tensor, state: Rows) -> tuple[Tensor, Rows]:
            steps.append(len(token_ids))
            return super().step(token_ids, state)

    model = Counted({BOS_ID: {A: 0.9, C: 0.1}, A: {EOS_ID: 0.9, C: 0.1}, C: {EOS_ID: 0.9, C: 0.1}})
    found(model, [[A]], [unplaced([C])], beam_size=2, limit=LengthLimit(ratio=0.0, extra=50))
    assert len(steps) < 10


@dataclass(frozen=True)
class Looking:
    """The state of a model that looks at the source from left to right."""

    position: Tensor
    size: int

    @property
    def attention_weights(self) -> Tensor:
        # The state after the first step, of position 1, has looked at place 0.
        places = (self.position - 1).clamp(max=self.size - 1)
        return torch.nn.functional.one_hot(places, self.size).float()

    def select(self, rows: Tensor) -> "Looking":
        return Looking(self.position[rows], self.size)

    reorder = select


class Reader:
    """Says A for each source token, and ends; C is the least likely of all. B goes on with a word.

    Args:
        p_inner: With what probability B comes.
    """

    def __init__(self, p_inner: float = 0.01) -> None:
        self._p_inner = p_inner

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> Looking:
        return Looking(torch.zeros(len(source_ids), dtype=torch.long), source_ids.shape[1])

    def step(self, token_ids: Tensor, state: Looking) -> tuple[Tensor, Looking]:
        probabilities = torch.full((len(token_ids), 7), 1e-6)
        probabilities[:, B] = self._p_inner
        at_end = state.position >= 4
        probabilities[at_end, EOS_ID] = 0.9
        probabilities[~at_end, A] = 0.9
        probabilities[:, C] = 1e-9
        return probabilities.log(), Looking(state.position + 1, state.size)


@pytest.mark.parametrize("place", range(4))
def test_a_constraint_goes_where_the_model_looks_at_what_it_translates(place: int) -> None:
    ((hypothesis, missing),) = found(Reader(), [[A] * 4], [[Constraint((C,), (place,))]])
    expected = [A] * 4
    expected[place] = C
    assert hypothesis.ids == expected
    assert missing == []


def test_what_a_constraint_translates_is_not_said_beside_it() -> None:
    class Back(Reader):
        """Ends after C; looks at the first place until then."""

        def step(self, token_ids: Tensor, state: Looking) -> tuple[Tensor, Looking]:
            has_said = token_ids == C
            probabilities = torch.full((len(token_ids), 7), 1e-6)
            probabilities[has_said, EOS_ID] = 0.5
            probabilities[~has_said, A] = 0.9
            return probabilities.log(), Looking(1 + has_said.long(), state.size)

    ((hypothesis, _),) = found(Back(), [[A] * 4], [[Constraint((C,), (0,))]])
    # Otherwise A C EOS were better than C EOS, a token being likelier.
    assert hypothesis.ids == [C]


def test_constraints_of_equal_tokens_go_each_to_its_place() -> None:
    asked = [Constraint((C,), (3,)), Constraint((C,), (1,))]
    ((hypothesis, _),) = found(Reader(), [[A] * 4], [asked])
    assert hypothesis.ids == [A, C, A, C]


def test_without_places_it_goes_where_the_model_finds_it_likeliest() -> None:
    ((hypothesis, _),) = found(Reader(), [[A] * 4], [unplaced([A, B])])
    ((placed, _),) = found(Reader(), [[A] * 4], [[Constraint((A, B), (0,))]])
    assert placed.ids[:2] == [A, B]
    assert holds(hypothesis.ids, [[A, B]])
    scores = [each.log_prob / (len(each.ids) + 1) for each in (hypothesis, placed)]
    assert scores[0] > scores[1]


def test_what_goes_on_with_a_word_does_not_follow_a_constraint() -> None:
    asked = [[Constraint((C,), (0,))]]
    ((free, _),) = found(Reader(p_inner=0.99), [[A] * 4], asked)
    ((barred, _),) = found(Reader(p_inner=0.99), [[A] * 4], asked, inner_ids=[B])
    assert (C, B) in itertools.pairwise(free.ids)
    assert C in barred.ids
    assert (C, B) not in itertools.pairwise(barred.ids)


def test_one_constraint_may_follow_another_with_a_token_that_is_barred_otherwise() -> None:
    asked = [[Constraint((A,), (0,)), Constraint((B,), (1,))]]
    ((hypothesis, missing),) = found(
        Reader(), [[A] * 4], asked, inner_ids=[B], limit=LengthLimit(ratio=0.0, extra=2)
    )
    assert missing == []
    assert sorted(hypothesis.ids) == [A, B]


def test_a_constraint_begins_where_a_word_ends() -> None:
    class Words(Reader):
        """After A a word goes on with B for sure, after B it ends; looks everywhere alike."""

        def step(self, token_ids: Tensor, state: Looking) -> tuple[Tensor, Looking]:
            logits, following = super().step(token_ids, state)
            logits[:, B] = -20.0
            logits[token_ids == A] = -20.0
            logits[token_ids == A, B] = 0.0
            return logits, Everywhere(following.position, following.size)

    class Everywhere(Looking):
        @property
        def attention_weights(self) -> Tensor:
            return torch.full((len(self.position), self.size), 1 / self.size)

    ((hypothesis, _),) = found(
        Words(), [[A] * 4], [[Constraint((C,), (0, 1, 2, 3))]], inner_ids=[B]
    )
    pairs = list(itertools.pairwise(hypothesis.ids))
    assert (A, C) not in pairs
    assert C in hypothesis.ids
