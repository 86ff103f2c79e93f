from pipeline.terms import Glossary, Prepared, Terms, translate_with_terms
from pipeline.terms.placeholders import CITIES

TERMS = Terms(Glossary({"dog": "Hund", "cat": "Katze"}), protect=["urls"])


def translated(
    lines: list[str], freely: dict[str, str], holding: dict[str, str]
) -> tuple[list[str], list[str]]:
    """The translations, and what was translated again."""
    again: list[str] = []

    def hold(prepared: list[Prepared]) -> list[str]:
        again.extend(each.text for each in prepared)
        return [holding[each.text] for each in prepared]

    found = translate_with_terms(lines, TERMS, lambda texts: [freely[text] for text in texts], hold)
    return found, again


def test_only_what_lacks_a_term_is_translated_again() -> None:
    freely = {"no": "nein", "dog": "Hund", "cat": "Mieze", "a dog": "ein Köter"}
    holding = {"cat": "Katze", "a dog": "ein Hund"}
    found, again = translated(list(freely), freely, holding)
    assert found == ["nein", "Hund", "Katze", "ein Hund"]
    assert again == ["cat", "a dog"]


def test_what_is_no_better_than_the_free_translation_is_left() -> None:
    found, _ = translated(
        ["cat", "cat dog"],
        {"cat": "Mieze", "cat dog": "Mieze Hund"},
        {"cat": "Kater", "cat dog": "Kater"},
    )
    assert found == ["Mieze", "Mieze Hund"]


def test_of_several_terms_those_that_could_be_placed() -> None:
    found, _ = translated(["cat dog"], {"cat dog": "x"}, {"cat dog": "Katze x"})
    assert found == ["Katze x"]


def test_placeholders_are_read_and_said_and_the_originals_come_out() -> None:
    city = CITIES[0]
    found, again = translated(
        ["at www.x.de", "see www.x.de"],
        {f"at {city}": f"bei {city}", f"see {city}": "siehe"},
        {f"see {city}": f"siehe {city}"},
    )
    assert found == ["bei www.x.de", "siehe www.x.de"]
    assert again == [f"see {city}"]
