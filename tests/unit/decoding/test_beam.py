"""Diverse beam search; what holds for every search is in `test_search.py`."""

import pytest

from pipeline.batch import collate_sources
from pipeline.decoding import Hypothesis, LengthLimit, beam_search
from pipeline.tokenizer import BOS_ID, EOS_ID
from tests.unit.decoding.test_search import SOURCES, A, B, C, Script, log_prob, network, seeds

LIMIT = LengthLimit(ratio=1.0, extra=3)


def search(seed: int, **options: float) -> list[list[Hypothesis]]:
    sizes = {name: int(value) for name, value in options.items() if name != "diversity"}
    return beam_search(
        network(seed),
        *collate_sources(SOURCES),
        limit=LIMIT,
        diversity=options.get("diversity", 0.0),
        beam_size=sizes["beam_size"],
        num_groups=sizes.get("num_groups", 1),
    )


@seeds
def test_one_group_is_beam_search_whatever_the_diversity(seed: int) -> None:
    usual = search(seed, beam_size=4)
    assert search(seed, beam_size=4, num_groups=1, diversity=9.0) == usual


@seeds
def test_without_diversity_every_group_finds_the_same(seed: int) -> None:
    usual = search(seed, beam_size=2)
    grouped = search(seed, beam_size=6, num_groups=3)
    assert [[h.ids for h in nbest] for nbest in grouped] == [
        [h.ids for h in nbest] for nbest in usual
    ]


@seeds
def test_the_first_group_is_beam_search_of_its_size(seed: int) -> None:
    grouped = search(seed, beam_size=4, num_groups=2, diversity=1.0)
    for usual, nbest in zip(search(seed, beam_size=2), grouped, strict=True):
        assert {tuple(h.ids) for h in usual} <= {tuple(h.ids) for h in nbest}


# A 0.5, B 0.3, C 0.2 at first; then all end.
FIRST = Script({BOS_ID: {A: 0.5, B: 0.3, C: 0.2}, **{t: {EOS_ID: 1.0} for t in (A, B, C)}})


# The logarithms of the two likeliest differ by log 0.5 - log 0.3 = 0.51.
@pytest.mark.parametrize(("diversity", "expected"), [(0.4, [[A]]), (0.6, [[A], [B]])])
def test_the_penalty_by_hand(diversity: float, expected: list[list[int]]) -> None:
    (nbest,) = beam_search(
        FIRST,
        *collate_sources([[A]]),
        beam_size=2,
        num_groups=2,
        diversity=diversity,
        limit=LengthLimit(),
    )
    assert [h.ids for h in nbest] == expected


def test_the_penalty_counts_each_hypothesis_that_takes_the_token() -> None:
    # The second group takes A as well (log 0.5 - 0.4 > log 0.3), the third does not: A costs 0.8.
    (nbest,) = beam_search(
        FIRST,
        *collate_sources([[A]]),
        beam_size=3,
        num_groups=3,
        diversity=0.4,
        limit=LengthLimit(),
    )
    assert [h.ids for h in nbest] == [[A], [B]]


def test_a_strong_penalty_gives_each_group_a_token_of_its_own() -> None:
    (nbest,) = beam_search(
        FIRST,
        *collate_sources([[A]]),
        beam_size=3,
        num_groups=3,
        diversity=5.0,
        length_penalty=0.0,
        limit=LengthLimit(),
    )
    assert [h.ids for h in nbest] == [[A], [B], [C]]


@seeds
def test_the_log_prob_of_a_diverse_hypothesis_is_the_models_own(seed: int) -> None:
    for source, nbest in zip(
        SOURCES, search(seed, beam_size=6, num_groups=3, diversity=2.0), strict=True
    ):
        length = len(source) + 1 + 3
        for hypothesis in nbest:
            expected = log_prob(
                network(seed), source, hypothesis.ids, ended=len(hypothesis.ids) < length
            )
            assert hypothesis.log_prob == pytest.approx(expected, abs=1e-4)
        scores = [h.log_prob / min(len(h.ids) + 1, length) for h in nbest]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(h.ids) for h in nbest}) == len(nbest)


@seeds
def test_a_sentence_alone_and_in_a_batch_gives_the_same_groups(seed: int) -> None:
    options = {"beam_size": 4, "num_groups": 2, "diversity": 1.0}
    for source, in_batch in zip(SOURCES, search(seed, **options), strict=True):
        (alone,) = beam_search(
            network(seed),
            *collate_sources([source]),
            limit=LIMIT,
            beam_size=4,
            num_groups=2,
            diversity=1.0,
        )
        assert [h.ids for h in in_batch] == [h.ids for h in alone]


def test_diversity_finds_more_different_first_tokens() -> None:
    def first_tokens(diversity: float) -> int:
        return sum(
            len({h.ids[0] for h in nbest if h.ids})
            for seed in range(4)
            for nbest in search(seed, beam_size=3, num_groups=3, diversity=diversity)
        )

    assert first_tokens(5.0) > 1.5 * first_tokens(0.0)
