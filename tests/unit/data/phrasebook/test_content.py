"""The phrasebook that comes with the project."""

import re
from collections import Counter
from pathlib import Path

import pytest

from pipeline.data.phrasebook.expansion import FRAME_CAP, Row, expand_phrasebook, expand_rows
from pipeline.data.phrasebook.fillers import Filler, load_fillers
from pipeline.data.phrasebook.words import LANGUAGES

PHRASEBOOK = Path(__file__).parents[4] / "data" / "phrasebook"
POLITE_IDIOMS = ("감사합니다", "죄송합니다", "고맙습니다", "반갑습니다")
Splits = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def classes() -> dict[str, list[Filler]]:
    return load_fillers(PHRASEBOOK / "fillers")


@pytest.fixture(scope="module")
def used() -> dict[str, list[Row]]:
    return expand_rows(PHRASEBOOK)


@pytest.fixture(scope="module")
def splits(used: dict[str, list[Row]]) -> Splits:
    return {name: [row.text for row in split] for name, split in used.items()}


@pytest.fixture(scope="module")
def rows(splits: Splits) -> list[dict[str, str]]:
    return [row for split in splits.values() for row in split]


def test_counts(
    rows: list[dict[str, str]], splits: Splits, classes: dict[str, list[Filler]]
) -> None:
    texts = {str(filler) for fillers in classes.values() for filler in fillers}
    assert len({row["frame"] for row in rows}) >= 250
    assert len(texts) >= 800
    assert len({row["situation"] for row in rows}) >= 12
    assert 32_000 <= len(rows) <= 45_000
    assert 900 <= len(splits["validation"]) <= 1_100
    assert 900 <= len(splits["test"]) <= 1_100
    assert max(Counter(row["frame"] for row in rows).values()) <= FRAME_CAP


def test_every_text_is_unique_in_its_language(rows: list[dict[str, str]]) -> None:
    for language in LANGUAGES:
        assert len({row[language] for row in rows}) == len(rows)


def test_texts_are_clean(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for language in LANGUAGES:
            text = row[language]
            assert text == text.strip()
            assert not re.search(r"[{}|_~+;=]|  | [.,?!]", text.replace("; ", ", ")), row
            assert text[-1] in ".?!"
            assert language == "ko" or text[0].isupper() or text[0].isdigit()


def test_korean_is_polite(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for sentence in re.split(r"(?<=[.?!])\s+", row["ko"]):
            ending = sentence.rstrip(".?!")
            assert ending.endswith(("요", "죠", *POLITE_IDIOMS)), row


def test_german_addresses_with_sie(rows: list[dict[str, str]]) -> None:
    informal = re.compile(r"\b(du|dich|dir|dein\w*|euch|euer)\b", re.IGNORECASE)
    assert not [row["de"] for row in rows if informal.search(row["de"])]


def test_expansion_is_a_function_of_the_files(splits: Splits) -> None:
    assert expand_phrasebook(PHRASEBOOK) == splits


def test_every_filler_is_in_training_and_no_held_out_combination(
    used: dict[str, list[Row]], classes: dict[str, list[Filler]]
) -> None:
    known = {use for row in used["train"] for use in row.uses}
    combinations = {(row.text["frame"], row.uses) for row in used["train"]}
    assert known == {(name, i) for name, found in classes.items() for i in range(len(found))}
    for name in ("validation", "test"):
        assert not [r for r in used[name] if (r.text["frame"], r.uses) in combinations]


def test_every_split_holds_every_frame(splits: Splits) -> None:
    frames = {name: {row["frame"] for row in split} for name, split in splits.items()}
    assert frames["validation"] == frames["test"] == frames["train"]
    texts = {row["en"] for row in splits["train"]}
    assert not texts & {row["en"] for name in ("validation", "test") for row in splits[name]}
