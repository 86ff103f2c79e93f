import numpy as np
import pytest

from pipeline.metrics import (
    distinct,
    hits_at_1,
    mean_length,
    relevance,
    repetition,
    top_reply_share,
)


@pytest.mark.parametrize(
    ("texts", "n", "expected"),
    [
        (["a b a", "a"], 1, 2 / 4),
        (["a b a", "b a"], 2, 2 / 3),  # "a b", "b a", "b a": none across two texts
        (["a b c"], 1, 1.0),
        (["a"], 2, 0.0),
        ([], 1, 0.0),
        (["", " "], 1, 0.0),
    ],
)
def test_distinct_by_hand(texts: list[str], n: int, expected: float) -> None:
    assert distinct(texts, n) == pytest.approx(expected)


def test_a_length_is_in_words_by_hand() -> None:
    assert mean_length(["나는 밥을 먹었어요.", "", "네 👍"]) == pytest.approx(5 / 3)
    assert mean_length([]) == 0


@pytest.mark.parametrize(
    ("replies", "n", "expected"),
    [
        (["네", "네", "네", "아니요", "글쎄"], 1, 3 / 5),
        (["네", "네", "아니요", "아니요", "글쎄", "뭐"], 2, 4 / 6),
        (["a", "b", "c"], 10, 1.0),
        (["", "", "a", "A"], 1, 2 / 4),  # saying nothing is a reply too; case tells replies apart
        ([], 10, 0.0),
    ],
)
def test_the_share_of_the_most_frequent_by_hand(
    replies: list[str], n: int, expected: float
) -> None:
    assert top_reply_share(replies, n) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("replies", "n", "expected"),
    [
        # "yoga yoga" three times among four pairs ("yoga yoga" x 3, "yoga now"): 1 - 2/4.
        (["yoga yoga yoga yoga now"], 2, 1 / 2),
        # Five 4-grams of abcd abcd: abcd, bcda, cdab, dabc, abcd. 1 - 4/5.
        (["a b c d a b c d"], 4, 1 / 5),
        (["a b c d a b c d", "a b c d", "a b c", ""], 4, 1 / 20),  # the mean over four replies
        (["a b c d", "a b c d"], 4, 0.0),  # within a reply only
        (["ㅋㅋ ㅋㅋ ㅋㅋ"], 1, 2 / 3),
        ([], 4, 0.0),
    ],
)
def test_repetition_by_hand(replies: list[str], n: int, expected: float) -> None:
    assert repetition(replies, n) == pytest.approx(expected)


def _vectors(*rows: tuple[float, float]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.array(rows, dtype=np.float32)


def test_relevance_by_hand() -> None:
    # The mean of the references is (2, 1). Centred they are (1, 0) and (-1, 0); the replies are
    # (0, 2), at a right angle, and (-3, -3), at 45 degrees: the mean of 0 and 1/sqrt(2).
    references = _vectors((3, 1), (1, 1))
    replies = _vectors((2, 3), (-1, -2))
    assert relevance(replies, references) == pytest.approx(np.sqrt(0.5) / 2)


def test_what_all_share_is_not_relevance() -> None:
    references = _vectors((101, 100), (99, 100), (100, 101), (100, 99))
    assert relevance(references, references) == pytest.approx(1)
    opposite = references[[1, 0, 3, 2]]
    assert relevance(opposite, references) == pytest.approx(-1)  # the plain cosine is above 0.99


def test_a_reply_without_words_has_no_relevance() -> None:
    references = _vectors((3, 1), (1, 1), (0, 0))
    replies = _vectors((4, 1), (0, 0), (5, 5))
    assert relevance(replies, references) == pytest.approx(1 / 3)
    assert relevance(_vectors((0, 0)), _vectors((0, 0))) == 0
    assert relevance(_vectors((1, 2)), _vectors((3, 4))) == 0  # one reference is its own mean


def test_hits_by_hand() -> None:
    scores = np.array([[3, 1, 2], [1, 3, 2], [2, 2, 1], [-1, -2, -3]], dtype=np.float32)
    assert hits_at_1(scores) == 2 / 4  # the third is a tie
