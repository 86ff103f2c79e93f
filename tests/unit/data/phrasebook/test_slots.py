import pytest

from pipeline.data.phrasebook import english, german, korean
from pipeline.data.phrasebook.fillers import Filler
from pipeline.data.phrasebook.slots import Slot, class_of, fill, parse
from pipeline.data.phrasebook.words import plain

PEAR: Filler = {
    "en": english.noun("a pear, pears"),
    "ko": plain("배"),
    "de": german.noun("die Birne, Birnen"),
}
GRAPES: Filler = {
    "en": english.noun("pl grapes"),
    "ko": plain("포도"),
    "de": german.noun("pl Trauben"),
}
READ: Filler = {
    "en": english.verb("read/reading/read"),
    "ko": korean.verb("읽다, 읽어요"),
    "de": german.verb("lesen, gelesen"),
}
ORANGE: Filler = {
    "en": plain("orange"),
    "ko": korean.adjective("어두운, 어둡다, 어두워요, 어두우"),
    "de": german.adjective("dunkel, dunkl"),
}


def text(notation: str, language: str, filler: Filler, adjective: Filler | None = None) -> str:
    _, slot, _ = parse(notation)
    assert isinstance(slot, Slot)
    return fill(slot, language, filler, adjective)


def test_parse() -> None:
    assert parse("I see {colour+food2.acc.def}, {nice~food:을}{food?a/b}.") == [
        "I see ",
        Slot("food2", form="acc.def", adjective="colour"),
        ", ",
        Slot("food", ending="을", stem="nice"),
        "",
        Slot("food", choices="a/b"),
        ".",
    ]
    assert parse("Hello.") == ["Hello."]


@pytest.mark.parametrize("sentence", ["{food.}", "{food", "{a+b~c}", "{Food}", "{food:}"])
def test_what_is_not_well_formed_stays_text(sentence: str) -> None:
    assert "{" in "".join(piece for piece in parse(sentence) if isinstance(piece, str))


def test_names() -> None:
    assert Slot("food2", adjective="colour").names == ("food2", "colour")
    assert Slot("food2", stem="nice").names == ("food2",)
    assert class_of("food2") == class_of("food") == "food"


@pytest.mark.parametrize(
    ("notation", "language", "expected"),
    [
        ("{food}", "en", "pear"),
        ("{food.indef}", "en", "a pear"),
        ("{food:을}", "ko", "배를"),
        ("{food.acc.def}", "de", "die Birne"),
        ("{klein~food.dat.indef}", "de", "einer kleinen Birne"),
        ("{food?is/are}", "en", "is"),
        ("{food?er/sie/es/sie}", "de", "sie"),
    ],
)
def test_fill(notation: str, language: str, expected: str) -> None:
    assert text(notation, language, PEAR) == expected


def test_choices_follow_number() -> None:
    assert text("{food?is/are}", "en", GRAPES) == "are"
    assert text("{food?der/die/das/mehrere}", "de", GRAPES) == "mehrere"


def test_korean_verbs_take_endings() -> None:
    assert text("{hobby:으면}", "ko", READ) == "읽으면"
    assert text("{colour:아요}", "ko", ORANGE) == "어두워요"


@pytest.mark.parametrize(
    ("language", "form", "expected"),
    [("en", "indef", "an orange pear"), ("de", "acc.indef", "eine dunkle Birne")],
)
def test_an_adjective_before_a_noun(language: str, form: str, expected: str) -> None:
    assert text(f"{{colour+food.{form}}}", language, PEAR, ORANGE) == expected


def test_a_korean_adjective_before_a_noun_takes_no_ending_of_the_verb() -> None:
    assert text("{colour+food:을}", "ko", PEAR, ORANGE) == "어두운 배를"


@pytest.mark.parametrize(
    ("notation", "language", "filler", "expected"),
    [
        ("{food.akk.def}", "de", PEAR, "a form that 'Birne' has in de, not 'akk.def'"),
        ("{food:를}", "ko", PEAR, "one of the particles"),
        ("{food?a/b/c}", "de", PEAR, "2 or 4 choices"),
        ("{food?a/b}", "ko", PEAR, "a noun with"),
        ("{colour:아요}", "de", ORANGE, "one of the particles"),
    ],
)
def test_mistakes(notation: str, language: str, filler: Filler, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        text(notation, language, filler)
