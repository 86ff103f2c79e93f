import random

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mbr import least_risk, mean_chrf

_WORDS = ["a", "little", "dog", "runs", "over", "the", "green", "grass", "강아지가", "뛰어요", "."]
texts = st.lists(
    st.text(alphabet="ab cd.", max_size=12) | st.sampled_from(["", " ", "the dog", "강아지"]),
    min_size=2,
    max_size=8,
)


def brute_force(candidates: list[str]) -> list[float]:
    """Of each candidate the mean of sacreBLEU's chrF to each other one."""
    return [
        sum(
            sacrebleu.sentence_chrf(candidate, [other]).score
            for j, other in enumerate(candidates)
            if j != i
        )
        / (len(candidates) - 1)
        for i, candidate in enumerate(candidates)
    ]


@given(texts)
def test_the_mean_is_that_of_sacrebleus_sentence_chrf(candidates: list[str]) -> None:
    np.testing.assert_allclose(mean_chrf(candidates), brute_force(candidates), rtol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_the_choice_is_that_of_brute_force(seed: int) -> None:
    draw = random.Random(seed)
    candidates = [" ".join(draw.choices(_WORDS, k=draw.randint(3, 9))) for _ in range(12)]
    means = brute_force(candidates)
    assert least_risk(candidates) == max(range(12), key=means.__getitem__)


def test_recall_counts_more_than_precision_and_not_the_other_way_round() -> None:
    # As hypotheses: the longer holds all of the shorter, and has more to lose.
    shorter, longer = mean_chrf(["abcd", "abcdefgh"])
    assert shorter == pytest.approx(sacrebleu.sentence_chrf("abcd", ["abcdefgh"]).score)
    assert longer == pytest.approx(sacrebleu.sentence_chrf("abcdefgh", ["abcd"]).score)
    assert longer > shorter


def test_of_identical_candidates_the_first_is_taken() -> None:
    assert least_risk(["the dog"] * 5) == 0
    assert mean_chrf(["the dog"] * 5).tolist() == pytest.approx([100.0] * 5)


def test_what_is_drawn_often_counts_often() -> None:
    assert least_risk(["a cat sleeps", "the dog runs", "the dog runs"]) == 1
    assert least_risk(["a cat sleeps", "the dog runs", "a cat sleeps"]) == 0


def test_what_is_like_most_others_is_taken_though_it_was_drawn_once() -> None:
    assert least_risk(["a dog runs home", "the dog runs home", "the dog runs"]) == 1
