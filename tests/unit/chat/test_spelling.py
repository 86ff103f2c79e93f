import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chat.spelling import SpellingIndex

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)


def test_similarity_by_hand() -> None:
    # "a" has the grams a, " a", "a "; "b" likewise; each text's own, so that idf is 1 + ln(3 / 2).
    found = SpellingIndex(["a", "b"]).similarities("a")
    assert found.tolist() == pytest.approx([1.0, 0.0])
    # "ab": a, b, " a", "ab", "b "; of these a, " a" are in "a", and b, "b " in "b"; "ab" in none.
    known, unknown = 1 + math.log(3 / 2), 1 + math.log(3)
    message, text = math.sqrt(4 * known**2 + unknown**2), math.sqrt(3 * known**2)
    expected = 2 * known**2 / (message**1.4 * text**0.6)
    assert SpellingIndex(["a", "b"]).similarities("ab").tolist() == pytest.approx([expected] * 2)


def test_what_a_message_leaves_out_counts_less_than_what_it_adds() -> None:
    short, long = "배고파", "오늘 너무 배고파"
    (left_out,) = SpellingIndex([long]).similarities(short).tolist()
    (added,) = SpellingIndex([short]).similarities(long).tolist()
    assert 0 < added < left_out < 1


def test_case_and_repetition_do_not_count() -> None:
    found = SpellingIndex(["Hello hello", "안녕"]).similarities("HELLO")
    assert found.tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_korean_with_another_ending_is_nearer_than_other_words() -> None:
    index = SpellingIndex(["커피 마시고 싶어", "영화 보고 싶어", "커피콩"])
    found = index.similarities("커피 마시고 싶다").tolist()
    assert max(found) == found[0]


def test_what_no_text_has_is_like_none_of_them() -> None:
    assert SpellingIndex(["abc", "🙂"]).similarities("漢").tolist() == [0, 0]
    assert SpellingIndex(["abc"]).similarities(" ").tolist() == [0]


@given(texts)
def test_each_text_is_most_like_itself(found: list[str]) -> None:
    found = [text for text in found if text.strip(" ")] or ["x"]
    index = SpellingIndex(found)
    for i, text in enumerate(found[:4]):
        similarities = index.similarities(text)
        assert float(similarities[i]) == pytest.approx(1.0, abs=1e-4)
        assert float(similarities.max()) <= 1.0001
        assert float(similarities.min()) >= 0
