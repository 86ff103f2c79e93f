import pytest

from pipeline.data.phrasebook.english import noun, verb


@pytest.mark.parametrize(
    ("cell", "expected", "number"),
    [
        ("an apple, apples", ["apple", "an apple", "an apple", "apples"], "n"),
        ("pl jeans", ["jeans", "jeans", "some jeans", "jeans"], "pl"),
    ],
)
def test_noun(cell: str, expected: list[str], number: str) -> None:
    entry = noun(cell)
    assert [entry.forms[name].text() for name in ("", "indef", "some", "pl")] == expected
    assert entry.gender == number


def test_what_cannot_be_counted_has_neither_article_nor_plural() -> None:
    forms = noun("orange juice").forms
    assert {name: word.text() for name, word in forms.items()} == {
        "": "orange juice",
        "indef": "orange juice",
        "some": "some orange juice",
    }


def test_the_article_follows_the_adjective() -> None:
    assert noun("a pear, pears").forms["indef"].text("orange") == "an orange pear"
    assert noun("an apple, apples").forms["indef"].text("red") == "a red apple"
    assert noun("pl grapes").forms["some"].text("red") == "some red grapes"


def test_a_noun_with_an_article_needs_its_plural() -> None:
    with pytest.raises(ValueError, match="its plural"):
        noun("a plum")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("walk/walking/walked home", ["walk home", "walking home", "walked home", "walked home"]),
        ("go/going/went/gone", ["go", "going", "went", "gone"]),
    ],
)
def test_verb(cell: str, expected: list[str]) -> None:
    forms = verb(cell).forms
    assert [forms[name].text() for name in ("", "ing", "past", "pp")] == expected


@pytest.mark.parametrize("cell", ["go home", "go/going", "a/b/c/d/e"])
def test_a_verb_needs_its_forms(cell: str) -> None:
    with pytest.raises(ValueError, match="base/ing/past"):
        verb(cell)
