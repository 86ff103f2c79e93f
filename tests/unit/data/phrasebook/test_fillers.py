from pathlib import Path

import pytest

from pipeline.data.phrasebook.fillers import load_fillers
from pipeline.errors import DataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "food.yaml"


def write(file: Path, kind: str, *rows: str) -> None:
    text = f"food:\n  kind: {kind}\n  fillers:\n" + "".join(f"    - {row}\n" for row in rows)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "row", "forms"),
    [
        ("noun", "a pear, pears | 배 | die Birne, Birnen", ("indef", "", "nom.def")),
        ("verb", "eat/eating/ate | 먹다, 먹어요 | essen, gegessen", ("past", "eu", "zu")),
        ("adjective", "dark | 어두운, 어둡다, 어두워요 | dunkel, dunkl", ("", "a", "stem")),
        ("state", "hungry | 배고프다, 배고파요 | hungrig", ("", "stem", "")),
        ("text", "hello | 안녕하세요 | hallo", ("", "", "")),
    ],
)
def test_kinds(file: Path, kind: str, row: str, forms: tuple[str, str, str]) -> None:
    write(file, kind, row)
    (filler,) = load_fillers(file.parent)["food"]
    for language, form in zip(("en", "ko", "de"), forms, strict=True):
        assert form in filler[language].forms


def test_forms_of_its_own(file: Path) -> None:
    write(file, "text", "park; at=in the park | 공원; at=공원에서 | Park")
    (filler,) = load_fillers(file.parent)["food"]
    assert filler["en"].forms["at"].text() == "in the park"
    assert filler["ko"].forms["at"].text() == "공원에서"
    assert set(filler["de"].forms) == {""}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a plum, plums | 자두 | Pflaume, Pflaumen", "'der', 'der\\*', 'die', 'das' or 'pl'"),
        ("a plum | 자두 | die Pflaume, Pflaumen", "its plural"),
        ("a plum, plums | 자두", "three cells"),
        ("a plum, plums; at | 자두 | die Pflaume", "'name=text'"),
    ],
)
def test_mistakes_in_a_row_name_file_class_and_row(file: Path, row: str, expected: str) -> None:
    write(file, "noun", row)
    with pytest.raises(DataError, match=expected) as error:
        load_fillers(file.parent)
    assert f"{file}: class food, '{row}'" in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "slot classes"),
        ("food:\n  kind: noun\n", "class food: expected the keys kind, fillers"),
        ("food: [a]\n", "class food: expected the keys kind, fillers"),
        ("food:\n  kind: nown\n  fillers: [a]\n", "class food: .* noun, .* not 'nown'"),
        ("food:\n  kind: noun\n  fillers: 5\n", "class food: expected a list of fillers"),
        ("food:\n  kind: noun\n  fillers: []\n", "class food: expected a list of fillers"),
    ],
)
def test_mistakes_in_a_file_name_it(file: Path, text: str, expected: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=expected) as error:
        load_fillers(file.parent)
    assert str(file) in str(error.value)


def test_a_class_twice_in_one_file(file: Path) -> None:
    write(file, "text", "a | 가 | b")
    file.write_text(file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(DataError, match="'food' occurs twice, again in line 5") as error:
        load_fillers(file.parent)
    assert str(file) in str(error.value)


def test_a_class_twice_in_two_files(file: Path) -> None:
    write(file, "text", "a | 가 | b")
    other = file.with_name("more.yaml")
    write(other, "text", "a | 가 | b")
    with pytest.raises(DataError, match="class food: expected a name that no class") as error:
        load_fillers(file.parent)
    assert str(other) in str(error.value)
