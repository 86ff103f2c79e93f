import re

import datasets
import pytest

from pipeline.data.multilingual import expect_pairs, pairs_of_directions
from pipeline.errors import DataError
from pipeline.languages import directions_between

ROWS = {
    "en": ["a dog", "  ", "a cat", "a bird"],
    "de": ["ein  Hund", "eine Kuh", "", "ein Vogel"],
    "fr": ["un chien", "une vache", "un chat", ""],
}
Pair = tuple[str, str, str]


def pairs(rows: dict[str, list[str]], source: list[str], target: list[str]) -> list[Pair]:
    found = pairs_of_directions(
        datasets.Dataset.from_dict(rows), directions_between(source, target)
    )
    assert found.column_names == ["source", "target", "target_language"]
    return [(pair["source"], pair["target"], pair["target_language"]) for pair in found]


def test_a_row_gives_a_pair_for_each_direction_that_it_has_both_sentences_of() -> None:
    assert pairs(ROWS, ["en"], ["de", "fr"]) == [
        ("a dog", "ein Hund", "de"),
        ("a dog", "un chien", "fr"),
        ("a cat", "un chat", "fr"),
        ("a bird", "ein Vogel", "de"),
    ]


def test_both_ways_a_sentence_is_source_and_target() -> None:
    assert pairs(ROWS, ["en", "de"], ["en", "de"]) == [
        ("a dog", "ein Hund", "de"),
        ("ein Hund", "a dog", "en"),
        ("a bird", "ein Vogel", "de"),
        ("ein Vogel", "a bird", "en"),
    ]


def test_other_directions_are_other_pairs(tmp_path: object) -> None:
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path)
    rows = datasets.load_from_disk(tmp_path)
    lengths = [
        len(pairs_of_directions(rows, directions_between(*languages)))
        for languages in ((["en"], ["de", "fr"]), (["en"], ["de"]), (["fr"], ["de", "en"]))
    ]
    assert lengths == [4, 2, 4]


def test_a_direction_without_pairs_is_said() -> None:
    rows = datasets.Dataset.from_dict(
        {"ko": ["하나", "", ""], "en": ["one", "one", ""], "de": ["", "eins", ""], "cs": [" "] * 3}
    )
    expect_pairs(rows, directions_between("en", ["ko", "de"]), where="x")
    for target, lacking in (("ko", "both 'de' and 'ko'"), ("cs", "the column 'cs'")):
        message = (
            f"train: no row has text in {lacking}; expected pairs for de to {target}, as "
            "data.source and data.target ask for"
        )
        directions = directions_between(["de"], ["en", target])
        with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
            expect_pairs(rows, directions, where="train")
