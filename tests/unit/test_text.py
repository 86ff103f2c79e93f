import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import normalize, normalize_all, replace_surrogates

# The characters that normalisation is about come up often enough only when asked for.
SPECIAL = "\x00\t\n\r\x0b\x1f\x7f\x85\xa0\u2028\u2029\ufeff\u0301\u1100\u1161ㅋé \ud800\udfff"
texts = st.text() | st.text(alphabet=st.sampled_from(SPECIAL + "ab"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301", "é"),
        ("\u1112\u1161\u11ab", "한"),  # conjoining jamo
        ("ㅋㅋ", "ㅋㅋ"),  # NFKC would make conjoining jamo of these
        ("ﬁ ①", "ﬁ ①"),
        ("\ufeffhello", "hello"),
        ("a\x00b", "a b"),
        ("a\r\nb", "a b"),
        ("a\u2028b\u2029c", "a b c"),
        ("a\tb\x0bc\x1fd\x85e", "a b c d e"),
        ("  a   b  ", "a b"),
        ("a \n b", "a b"),
        ("\ud800a", "\ufffda"),
        ("a\u200db", "a\u200db"),  # a joiner makes emoji, and words in Indic scripts
        ("", ""),
        (" \r\n\ufeff", ""),
    ],
)
def test_normalisation_by_hand(text: str, expected: str) -> None:
    assert normalize(text) == expected
    assert normalize_all([text, text]) == [expected, expected]


@given(texts)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


@given(st.lists(texts | st.text(alphabet="ab ")))
def test_many_texts_are_each_normalised(some: list[str]) -> None:
    assert normalize_all(some) == list(map(normalize, some))


@given(texts)
def test_a_normal_text_is_one_line_of_nfc_without_control_characters(text: str) -> None:
    normal = normalize(text)
    assert normal == unicodedata.normalize("NFC", normal)
    assert normal == normal.strip()
    assert "  " not in normal
    assert "\ufeff" not in normal
    assert len(normal.splitlines()) <= 1
    assert {unicodedata.category(character) for character in normal}.isdisjoint({"Cc", "Cs"})
    assert normal.encode("utf-8").decode("utf-8") == normal


@given(texts)
def test_words_are_neither_lost_nor_joined(text: str) -> None:
    # Where the standard library sees white space or a control character, words part.
    spaced = "".join(" " if unicodedata.category(c) == "Cc" or c == "\ufeff" else c for c in text)
    expected = unicodedata.normalize("NFC", replace_surrogates(spaced)).split()
    assert normalize(text).split() == expected


@given(st.text(alphabet=st.characters()))
def test_only_surrogates_are_replaced(text: str) -> None:
    replaced = replace_surrogates(text)
    assert len(replaced) == len(text)
    for before, after in zip(text, replaced, strict=True):
        assert after == ("\ufffd" if "\ud800" <= before <= "\udfff" else before)
