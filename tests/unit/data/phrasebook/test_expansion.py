from pathlib import Path

import pytest

from pipeline.data.phrasebook import expand_phrasebook
from pipeline.data.phrasebook.expansion import FRAME_CAP, HELD_OUT_CAP, expand_rows
from pipeline.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A phrasebook of one frame, for tests to change."""
    (tmp_path / "frames").mkdir()
    (tmp_path / "fillers").mkdir()
    write_fillers(
        tmp_path,
        "an apple, apples | 사과 | der Apfel, Äpfel",
        "a pear, pears | 배 | die Birne, Birnen",
        "bread | 빵 | das Brot",
        "pl grapes | 포도 | pl Trauben",
    )
    write_frames(tmp_path, ("I buy {food.indef}.", "{food:을} 살게요.", "Ich kaufe {food}."))
    return tmp_path


def write_fillers(folder: Path, *rows: str) -> None:
    text = "food:\n  kind: noun\n  fillers:\n" + "".join(f"    - {row}\n" for row in rows)
    (folder / "fillers" / "food.yaml").write_text(text, encoding="utf-8")


def write_many_fillers(folder: Path, count: int) -> None:
    rows = [f"a w{i}, ws{i} | 책{'가' * i} | der W{i}, V{i}" for i in range(count)]
    write_fillers(folder, *rows)


def write_frames(folder: Path, *frames: tuple[str, str, str]) -> None:
    text = "".join(
        f'- id: "{number}"\n  en: "{en}"\n  ko: "{ko}"\n  de: "{de}"\n'
        for number, (en, ko, de) in enumerate(frames)
    )
    (folder / "frames" / "shop.yaml").write_text(text, encoding="utf-8")


def test_rows(folder: Path) -> None:
    splits = expand_phrasebook(folder)
    assert {name: len(rows) for name, rows in splits.items()} == {
        "train": 4,
        "validation": 0,
        "test": 0,
    }
    assert {
        "en": "I buy an apple.",
        "ko": "사과를 살게요.",
        "de": "Ich kaufe Apfel.",
        "situation": "shop",
        "frame": "shop/0",
    } in splits["train"]


def test_sentences_get_capital_letters(folder: Path) -> None:
    de = "{food.nom.def} {food?ist/sind} da. {food?er/sie/es/sie} {food?ist/sind} gut."
    write_frames(folder, ("{food} here? some {food}, yes.", "{food} 있어요?", de))
    rows = expand_phrasebook(folder)["train"]
    assert {row["de"] for row in rows} == {
        "Der Apfel ist da. Er ist gut.",
        "Die Birne ist da. Sie ist gut.",
        "Das Brot ist da. Es ist gut.",
        "Die Trauben sind da. Sie sind gut.",
    }
    assert "Bread here? Some bread, yes." in {row["en"] for row in rows}


def test_two_slots_of_a_class_never_hold_the_same_filler(folder: Path) -> None:
    both = "{food} + {food2}."
    write_frames(folder, (both, both, both))
    texts = [row.text["ko"] for rows in expand_rows(folder).values() for row in rows]
    assert len(texts) == 4 * 3
    assert all(len(set(text.rstrip(".").split(" + "))) == 2 for text in texts)


def test_a_text_that_has_occurred_is_dropped(folder: Path) -> None:
    write_frames(
        folder,
        ("I buy {food}.", "{food:을} 살게요.", "Ich kaufe {food}."),
        ("I take {food}.", "{food:을} 살게요.", "Ich nehme {food}."),
    )
    assert {row["frame"] for row in expand_phrasebook(folder)["train"]} == {"shop/0"}


def test_a_frame_has_a_cap(folder: Path) -> None:
    write_many_fillers(folder, 30)
    both = "{food} {food2}."
    write_frames(folder, (both, both, both))
    splits = expand_phrasebook(folder)
    assert sum(map(len, splits.values())) == FRAME_CAP
    assert len(splits["validation"]) == len(splits["test"]) == HELD_OUT_CAP


def test_held_out_combinations_are_new_but_their_parts_are_known(folder: Path) -> None:
    write_many_fillers(folder, 40)
    one, two = ("one {food} {food2}.",) * 3, ("two {food} {food2}.",) * 3
    write_frames(folder, one, two)
    result = expand_phrasebook(folder)
    train = [row["en"].rstrip(".").split() for row in result["train"]]
    known = {filler for _, *fillers in train for filler in fillers}
    frames = {frame for frame, *_ in train}
    for name in ("validation", "test"):
        assert result[name]
        for row in result[name]:
            held_out = row["en"].rstrip(".").split()
            assert held_out not in train
            assert held_out[0] in frames
            assert set(held_out[1:]) <= known


def test_a_filler_used_once_stays_in_training(folder: Path) -> None:
    write_many_fillers(folder, 40)
    splits = expand_rows(folder)
    assert {use for row in splits["train"] for use in row.uses} == {("food", i) for i in range(40)}
    assert splits["validation"] == splits["test"] == []


@pytest.mark.parametrize("part", ["fillers", "frames"])
def test_a_missing_folder(folder: Path, part: str) -> None:
    for file in (folder / part).iterdir():
        file.unlink()
    with pytest.raises(DataError, match=rf"{part}: expected a folder with \.yaml files"):
        expand_phrasebook(folder)
