from pipeline.terms import Glossary, Terms
from pipeline.terms.placeholders import CITIES, Prepared, with_placeholders

TERMS = Terms(Glossary({"dog": "Hund"}), protect=["urls", "emails", "marked", "numbers"])


def prepared(line: str, terms: Terms = TERMS) -> Prepared:
    return with_placeholders(terms.read(line))


def test_addresses_and_marked_spans_are_read_as_cities_each_as_another() -> None:
    text, terms, originals = prepared("A dog at www.x.de, a@b.de: 5 <keep>Xyz</keep>.")
    assert text == f"A dog at {CITIES[0]}, {CITIES[1]}: 5 {CITIES[2]}."
    assert [term.target for term in terms] == ["Hund", CITIES[0], CITIES[1], "5", CITIES[2]]
    assert [text[term.begin : term.end] for term in terms] == [
        *["dog", CITIES[0], CITIES[1], "5", CITIES[2]]
    ]
    assert list(originals.values()) == ["www.x.de", "a@b.de", "Xyz"]


def test_the_originals_come_back() -> None:
    line = prepared("See www.x.de and a@b.de.")
    assert line.restore(f"{CITIES[1]}: {CITIES[0]}.") == "a@b.de: www.x.de."


def test_a_city_that_is_spoken_of_is_no_placeholder() -> None:
    text, _, originals = prepared(f"From {CITIES[0]} to www.x.de")
    assert text == f"From {CITIES[0]} to {CITIES[1]}"
    of_glossary = Terms(Glossary({"capital": CITIES[0]}), protect=["urls"])
    assert list(prepared("The capital: www.x.de", of_glossary).originals) == [CITIES[1]]
    assert CITIES[0] not in prepared(f"www.{CITIES[0]}.de").originals
    assert list(originals) == [CITIES[1]]


def test_where_no_city_is_left_the_span_stays() -> None:
    urls = [f"www.x{i}.de" for i in range(len(CITIES) + 2)]
    text, terms, originals = prepared(" ".join(urls))
    assert text.split() == [*CITIES, *urls[len(CITIES) :]]
    assert [term.target for term in terms] == text.split()
    assert list(originals) == list(CITIES)


def test_a_line_without_terms_stays_as_it_is() -> None:
    assert prepared("No terms.") == ("No terms.", [], {})


def test_how_much_is_lacking() -> None:
    line = prepared("A dog at www.x.de, 5.")
    assert line.num_lacking(f"Hund {CITIES[0]} 5") == 0
    assert line.num_lacking("Hund www.x.de 5") == 1
    assert line.num_lacking("nothing") == 3
