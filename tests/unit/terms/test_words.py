import re

import pytest

from pipeline.terms.words import NUMBER, as_translation, as_word, goes_on_with_word


def is_word(phrase: str, text: str) -> bool:
    return re.search(as_word(phrase), text) is not None


def is_said(phrase: str, text: str, *, may_be_capitalized: bool = False) -> bool:
    pattern = as_translation(phrase, may_be_capitalized=may_be_capitalized)
    return re.search(pattern, text) is not None


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("dog", "dog"),
        ("dog", "The dog, a (dog)."),
        ("dog", "the dog's tail"),
        ("dog", "“dog”"),
        ("Straße", "Die Straße ist lang."),
        ("Haus am See", "Das Haus am See!"),
        ("C++", "in C++."),
        ("서울", "서울"),
        ("서울", "서울에서 왔어요."),
        ("서울", "저는 서울에서만은 살아요."),
        ("서울", "여기는 서울입니다."),
        ("Python", "Python을 배워요."),
        ("東京", "私は東京に住む。"),
    ],
)
def test_a_word_of_its_own(phrase: str, text: str) -> None:
    assert is_word(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("dog", "dogs"),
        ("dog", "hotdog"),
        ("dog", "dog_2"),
        ("dog", "dog2"),
        ("Straß", "Straße"),
        ("서울", "서울대학교에서"),  # a university
        ("서울", "남서울은"),
        ("배", "배우가"),  # an actor, of a pear
        ("5", "1.5"),
        ("5", "5.1"),
        ("5", "15"),
    ],
)
def test_a_part_of_a_word_is_none(phrase: str, text: str) -> None:
    assert not is_word(phrase, text)


def test_in_a_translation_any_korean_may_follow() -> None:
    assert is_said("예약", "예약했어요")
    assert not is_word("예약", "예약했어요")
    assert is_said("30", "30분")
    assert not is_said("예약", "재예약")


@pytest.mark.parametrize("text", ["Hunde", "Hund5", "Schäferhund", "der hund"])
def test_in_a_translation_a_part_of_a_word_is_not_the_phrase(text: str) -> None:
    assert not is_said("Hund", text)
    assert is_said("Hund", f"{text}, Hund.")


@pytest.mark.parametrize("text", ["5.1", "1.5", "5:30", "15", "5,000"])
def test_a_part_of_a_number_is_not_the_number(text: str) -> None:
    assert not is_said("5", text)
    assert is_said("5", f"{text}, 5.")


def test_only_at_the_beginning_may_a_capital_letter_stand_for_a_small_one() -> None:
    assert is_said("railway", "Railway stations", may_be_capitalized=True)
    assert not is_said("railway", "Railway stations")
    assert not is_said("railway", "the Railway", may_be_capitalized=True)
    assert not is_said("railway", "Railways", may_be_capitalized=True)


def test_numbers_with_their_separators() -> None:
    text = "At 3:30 I paid 1,000.50, or 1.000,50; 1'000 of 7. In 2012, 3rd B12 3시 30분 5-6"
    assert re.findall(NUMBER, text) == [
        *["3:30", "1,000.50", "1.000,50", "1'000", "7", "2012", "3", "30", "5", "6"]
    ]


def test_what_goes_on_with_a_word() -> None:
    assert [
        text
        for text in ("s", "5", "ß", " a", "", "-", ".", "에서", "한", "は", "東")
        if goes_on_with_word(text)
    ] == [*["s", "5", "ß"]]
