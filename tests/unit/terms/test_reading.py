import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.terms import Glossary, Term, Terms
from pipeline.terms.protection import KINDS

GLOSSARY = Glossary({"dog": "Hund", "flight 7": "Flug 7", "New York": "New York", "York": "York"})
ALL = Terms(GLOSSARY, protect=KINDS)


def targets(terms: Terms, line: str) -> list[str]:
    return [term.target for term in terms.read(line).terms]


def test_the_terms_of_a_line_from_left_to_right() -> None:
    line = "7 dogs, a dog: www.x.de, a@b.de <keep>of 3</keep> at 3:30"
    text, terms = ALL.read(line)
    assert text == "7 dogs, a dog: www.x.de, a@b.de of 3 at 3:30"
    assert terms == [
        Term(0, 1, "7", "numbers"),
        Term(10, 13, "Hund", "glossary"),
        Term(15, 23, "www.x.de", "urls"),
        Term(25, 31, "a@b.de", "emails"),
        Term(32, 36, "of 3", "marked"),
        Term(40, 44, "3:30", "numbers"),
    ]


def test_what_is_over_another_counts_once() -> None:
    assert targets(ALL, "<keep>the dog 5</keep>") == ["the dog 5"]
    assert targets(ALL, "https://x.de/dog/5?a@b.de") == ["https://x.de/dog/5?a@b.de"]
    assert targets(ALL, "Flight 7, flight 8") == ["Flug 7", "8"]


def test_nothing_is_protected_unless_asked_for() -> None:
    line = "5 <keep>a</keep> www.x.de a@b.de dog"
    assert Terms().read(line) == (line, [])
    assert targets(Terms(protect=["numbers"]), line) == ["5"]
    assert targets(Terms(protect=["urls"]), line) == ["www.x.de"]
    assert targets(Terms(protect=["emails"]), line) == ["a@b.de"]
    assert targets(Terms(protect=["marked"]), line) == ["a"]
    assert targets(Terms(GLOSSARY), line) == ["Hund"]


@given(st.text(alphabet="dog 7.3:<keep>/www.x@한에서"))
def test_terms_are_parts_of_the_text_in_order(line: str) -> None:
    text, terms = ALL.read(line)
    end = 0
    for term in terms:
        assert end <= term.begin < term.end <= len(text)
        if term.kind != "glossary":
            assert text[term.begin : term.end] == term.target
        end = term.end


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ConfigError, match="^protect: expected some of numbers, .*, got 'dates'$"):
        Terms(protect=["numbers", "dates"])


@pytest.mark.parametrize(
    ("translation", "missing"),
    [
        ("Ein Hund und ein Hund.", []),
        ("Ein Hund.", ["Hund"]),
        ("Hunde und ein Hund", ["Hund"]),
        ("", ["Hund", "Hund"]),
        ("Ein hund und ein Hund.", ["Hund"]),
    ],
)
def test_what_comes_twice_is_wanted_twice(translation: str, missing: list[str]) -> None:
    assert ALL.missing("A dog and a dog.", translation) == missing


def test_numbers_count_one_by_one() -> None:
    terms = Terms(protect=["numbers"])
    assert terms.missing("5 of 5 at 5:30", "5 von 5 um 5:30") == []
    assert terms.missing("5 of 5 at 5:30", "5 um 5:30") == ["5"]
    assert terms.missing("1,000.50", "1.000,50") == ["1,000.50"]  # verbatim
    assert terms.missing("30 minutes", "30분") == []


def test_what_is_a_part_of_a_longer_term_does_not_count_again() -> None:
    assert ALL.missing("New York, York", "New York") == ["York"]
    assert ALL.missing("New York, York", "York, New York") == []
    terms = Terms(Glossary({"York": "York", "the city": "York City"}))
    assert terms.missing("York, the city", "York City") == ["York"]


def test_of_the_glossary_alone_a_capital_letter_may_begin_a_line() -> None:
    terms = Terms(Glossary({"Bahnhof": "station"}), protect=["marked"])
    assert terms.missing("Bahnhof", "Station closed") == []
    assert terms.missing("Bahnhof", "The Station") == ["station"]
    assert terms.missing("<keep>ant</keep>", "Ant") == ["ant"]


def test_signs_of_patterns_are_signs() -> None:
    terms = Terms(protect=["marked"])
    assert terms.missing("<keep>a.c (x)</keep>", "a.c (x)") == []
    assert terms.missing("<keep>a.c (x)</keep>", "abc (x)") == ["a.c (x)"]
