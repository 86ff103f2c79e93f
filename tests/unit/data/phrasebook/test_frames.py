from pathlib import Path

import pytest

from pipeline.data.phrasebook import english, german
from pipeline.data.phrasebook.fillers import Filler
from pipeline.data.phrasebook.frames import Part, load_frames
from pipeline.data.phrasebook.words import plain
from pipeline.errors import DataError

CLASSES: dict[str, list[Filler]] = {
    "food": [
        {
            "en": english.noun("an apple, apples"),
            "ko": plain("사과"),
            "de": german.noun("der Apfel, Äpfel"),
        },
        {"en": english.noun("bread"), "ko": plain("빵"), "de": german.noun("das Brot")},
    ],
    "colour": [{"en": plain("red"), "ko": plain("빨간"), "de": german.adjective("rot")}],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.yaml"


def write(file: Path, ko: str, de: str, en: str = "I buy {food.indef}.") -> None:
    text = f'- id: buy\n  en: "{en}"\n  ko: "{ko}"\n  de: "{de}"\n'
    file.write_text(text, encoding="utf-8")


def test_the_parts_of_a_frame(file: Path) -> None:
    ko, de = "{colour} {food:을} 살게요.", "Ich kaufe {colour+food.acc.indef}."
    write(file, ko, de, "I buy {colour+food.indef}.")
    (frame,) = load_frames(file.parent, CLASSES)
    assert frame.id == "shop/buy"
    assert frame.slots == ("food", "colour")
    assert frame.parts["ko"] == [
        Part((), {(): ""}),
        Part((1,), {(0,): "빨간"}),
        Part((), {(): " "}),
        Part((0,), {(0,): "사과를", (1,): "빵을"}),
        Part((), {(): " 살게요."}),
    ]
    assert frame.parts["de"][1] == Part((0, 1), {(0, 0): "einen roten Apfel", (1, 0): "rotes Brot"})


@pytest.mark.parametrize(
    ("ko", "de", "expected"),
    [
        ("{food:을} 살게요.", "Ich kaufe {drink}.", "a known slot class, not 'drink'"),
        ("{food:을} 살게요.", "Ich kaufe {food.akk.def}.", "a form that 'Apfel' has in de"),
        ("{food:를} 살게요.", "Ich kaufe {food}.", "one of the particles"),
        ("살게요.", "Ich kaufe {food}.", "the same slots in ko as in en"),
        ("{food:을} 살게요.", "Ich kaufe {food.}.", "the same slots in de as in en"),
        ("{food:을} 살게요.", "Ich kaufe {food} {.", "well-formed slots in de"),
        ("{food:을} 살게요.", "Ich kaufe {food} {food?a/b/c}.", "2 or 4 choices"),
    ],
)
def test_mistakes_in_a_frame_name_file_and_frame(
    file: Path, ko: str, de: str, expected: str
) -> None:
    write(file, ko, de)
    with pytest.raises(DataError, match=expected) as error:
        load_frames(file.parent, CLASSES)
    assert str(error.value).startswith(f"{file}: frame shop/buy: expected ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- id: x\n  en: 'A {food}.'\n", "frame shop/x: expected exactly the keys id, en, ko, de"),
        ("- id: x\n  fr: a\n", "exactly the keys"),
        ("- id: x\n  1: a\n", "exactly the keys"),
        ("- [a]\n", "frame 1: expected the text keys"),
        ("a: b\n", "a list of frames"),
        ("- id: x\n  en: a\n  ko: 가\n  en: b\n", "'en' occurs twice, again in line 4"),
    ],
)
def test_mistakes_in_a_file_name_it(file: Path, text: str, expected: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=expected) as error:
        load_frames(file.parent, CLASSES)
    assert str(file) in str(error.value)


def test_a_frame_without_slots(file: Path) -> None:
    write(file, "네.", "Ja.", "Yes.")
    with pytest.raises(DataError, match="the same slots in en as in en"):
        load_frames(file.parent, CLASSES)


def test_two_frames_with_one_id(file: Path) -> None:
    write(file, "{food:을} 살게요.", "Ich kaufe {food}.")
    file.write_text(file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(DataError, match=r"frame shop/buy: expected an id that no other"):
        load_frames(file.parent, CLASSES)
