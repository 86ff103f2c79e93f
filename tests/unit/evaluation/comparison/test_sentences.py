from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import metrics
from pipeline.evaluation import Pairs
from pipeline.evaluation.comparison import Sentence, most_different
from pipeline.evaluation.comparison.sentences import equal_bins, side_by_side


def _sentence(chrf_a: float, chrf_b: float) -> Sentence:
    return Sentence(source="s", reference="r", a="a", b="b", chrf_a=chrf_a, chrf_b=chrf_b)


def test_sentences_stand_side_by_side() -> None:
    pairs = Pairs(split="x", sources=["eins", "zwei"], references=["one", "two"])
    first, second = side_by_side(pairs, ["one", "too"], ["on", "two"])
    assert (first.source, first.reference, first.a, first.b) == ("eins", "one", "one", "on")
    assert first.chrf_b == metrics.chrf(["on"], ["one"]).value
    assert first.difference > 0 > second.difference
    assert first.difference == first.chrf_a - first.chrf_b


def test_half_are_those_of_a_and_half_those_of_b() -> None:
    gaps = [5.0, -1.0, 0.0, 30.0, -20.0, 10.0, -50.0]
    sentences = [_sentence(50 + gap, 50) for gap in gaps]
    found = most_different(sentences, 4)
    assert [sentence.difference for sentence in found] == [30, 10, -50, -20]
    assert [s.difference for s in most_different(sentences, 3)] == [30, 10, -50]
    assert most_different(sentences, 0) == []


def test_sentences_that_score_alike_are_not_shown() -> None:
    assert most_different([_sentence(40, 40), _sentence(40, 30)], 10) == [_sentence(40, 30)]


def test_bins_by_hand() -> None:
    assert equal_bins([3, 1, 2, 4], most_bins=2, least=1) == [[1, 2], [0, 3]]
    assert equal_bins([3, 1, 2, 4], most_bins=4, least=2) == [[1, 2], [0, 3]]
    assert equal_bins([7, 7, 7, 1], most_bins=2, least=1) == [[0, 1, 2, 3]]  # 7 is in both halves
    assert equal_bins([1, 2], most_bins=5, least=50) == [[0, 1]]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.integers(1, 6))
def test_every_item_is_in_one_bin_and_equal_sizes_share_it(sizes: list[int], most: int) -> None:
    bins = equal_bins(sizes, most_bins=most, least=10)
    assert sorted(i for inside in bins for i in inside) == list(range(len(sizes)))
    assert 1 <= len(bins) <= most
    assert all(bins)
    for lower, higher in pairwise(bins):
        assert max(sizes[i] for i in lower) < min(sizes[i] for i in higher)


def test_bins_are_about_equal() -> None:
    bins = equal_bins([n // 3 for n in range(1000)], most_bins=5, least=50)
    assert [len(inside) for inside in bins] == pytest.approx([200] * 5, abs=3)
