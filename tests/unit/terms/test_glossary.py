from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.terms import Glossary


def found(glossary: Glossary, text: str) -> list[tuple[str, str]]:
    return [(text[begin:end], target) for begin, end, target in glossary.find(text, 0, len(text))]


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "terms.tsv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_terms_are_found_whatever_their_case_as_often_as_they_come() -> None:
    glossary = Glossary({"dog": "Hund", "Straße": "street"})
    assert found(glossary, "A DOG, a Dog and dogs.") == [("DOG", "Hund"), ("Dog", "Hund")]
    assert found(glossary, "die straße") == [("straße", "street")]


def test_the_longest_term_is_found_and_none_over_another() -> None:
    glossary = Glossary(
        {"dog": "Hund", "hot dog": "Bockwurst", "hot": "heiß", "dog house": "Hütte"}
    )
    assert found(glossary, "hot hot dog house dog dog house") == [
        ("hot", "heiß"),
        ("hot dog", "Bockwurst"),
        ("dog", "Hund"),
        ("dog house", "Hütte"),
    ]


def test_korean_terms_with_particles() -> None:
    glossary = Glossary({"서울": "Seoul", "서울역": "Seoul Station"})
    assert found(glossary, "서울역에서 서울까지, 서울대") == [
        ("서울역", "Seoul Station"),
        ("서울", "Seoul"),
    ]


def test_a_part_of_the_text_is_searched() -> None:
    assert list(Glossary({"dog": "Hund"}).find("dog dog dog", 1, 8)) == [(4, 7, "Hund")]


def test_letters_that_are_longer_in_small() -> None:
    assert found(Glossary({"istanbul": "Istanbul"}), "İstanbul") == [("İstanbul", "Istanbul")]


def test_an_empty_glossary_finds_nothing() -> None:
    assert found(Glossary({}), "any text") == []


def test_terms_and_translations_are_normalised() -> None:
    glossary = Glossary({" \u1112\u1161\u11ab  국": " Republic\u0000 of\tKorea "})
    assert found(glossary, "한 국") == [("한 국", "Republic of Korea")]


@pytest.mark.parametrize("entry", [("", "x"), ("x", ""), (" \t", "x")])
def test_an_entry_without_text_is_an_error(entry: tuple[str, str]) -> None:
    with pytest.raises(DataError, match="glossary: expected text"):
        Glossary(dict([entry]))


def test_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, "\ufeffdog\tKöter\r\n\n \t \r\nhot dog\tdie Bockwurst\n서울\tSeoul")
    assert found(Glossary.from_file(file), "a dog, a hot dog, 서울은") == [
        ("dog", "Köter"),
        ("hot dog", "die Bockwurst"),
        ("서울", "Seoul"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\ndog Hund\n", r"terms.tsv, line 2: expected a term, a tab .*, got 'dog Hund'$"),
        ("dog\t\n", "terms.tsv, line 1: expected a term"),
        ("\tHund\n", "terms.tsv, line 1: expected a term"),
        ("a\tb\tc\n", "terms.tsv, line 1: expected a term"),
        ("dog\tHund\n\nDog\tKöter\n", "terms.tsv, line 3: 'Dog' is on line 1 already"),
        (b"a\tb\n\xff\tb\n", "terms.tsv, line 2: expected UTF-8 text"),
    ],
)
def test_errors_name_the_file_and_the_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Glossary.from_file(write(tmp_path, content))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.tsv: cannot be read \(No such file"):
        Glossary.from_file(tmp_path / "none.tsv")
