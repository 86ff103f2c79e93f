from typing import Any

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.config import DataConfig
from pipeline.data.filters import CleaningReport, clean_pairs
from pipeline.errors import DataError

Pairs = list[tuple[str, str]]


def cleaned(pairs: Pairs, **config: Any) -> tuple[Pairs, CleaningReport]:
    dataset = datasets.Dataset.from_dict(
        {"source": [source for source, _ in pairs], "target": [target for _, target in pairs]}
    )
    kept, report = clean_pairs(dataset, DataConfig(path="x", **config))
    return [(pair["source"], pair["target"]) for pair in kept], report


def test_empty_sides_and_repeated_pairs_are_dropped() -> None:
    pairs = [("a", "b"), ("", "b"), ("a", ""), ("a", "b"), ("a", "c"), ("", "b")]
    kept, report = cleaned(pairs)
    assert kept == [("a", "b"), ("a", "c")]
    assert report == CleaningReport(num_pairs=6, num_empty=3, num_duplicates=1)


def test_a_pair_in_another_direction_is_another_one() -> None:
    pairs = datasets.Dataset.from_dict(
        {"source": ["taxi"] * 3, "target": ["Taxi"] * 3, "target_language": ["de", "cs", "de"]}
    )
    kept, report = clean_pairs(pairs, DataConfig(path="x"))
    assert list(kept["target_language"]) == ["de", "cs"]
    assert report.num_duplicates == 1


def test_a_reply_to_too_many_messages_is_dropped_wherever_it_stands() -> None:
    pairs = [("a", "yes"), ("b", "no"), ("c", "yes"), ("a", "yes"), ("d", "yes"), ("e", "no")]
    dataset = datasets.Dataset.from_dict(
        {"source": [source for source, _ in pairs], "target": [target for _, target in pairs]}
    )
    config = DataConfig(path="x", task="chat")
    for limit, kept, num_generic in [(2, ["b", "e"], 3), (3, ["a", "b", "c", "d", "e"], 0)]:
        found, report = clean_pairs(dataset, config, max_target_repeats=limit)
        assert sorted(found["source"]) == kept
        assert report == CleaningReport(num_pairs=6, num_duplicates=1, num_generic=num_generic)
        assert report.num_kept == len(kept)


def test_a_pair_is_not_its_concatenation() -> None:
    assert len(cleaned([("ab", "c"), ("a", "bc")])[0]) == 2


def test_very_unequal_lengths_are_dropped_unless_both_are_short() -> None:
    pairs = [("a" * 40, "b" * 10), ("a" * 41, "b" * 10), ("b", "a" * 21), ("a" * 20, "b")]
    kept, report = cleaned(pairs, max_length_ratio=4.0)
    assert kept == [pairs[0], pairs[3]]
    assert report.num_unbalanced == 2


def test_in_chat_lengths_do_not_go_together() -> None:
    assert len(cleaned([("how are you today my dear friend?", "ok")], task="chat")[0]) == 1


@pytest.mark.parametrize("task", ["classification", "language_model"])
def test_where_the_target_is_no_translation_no_length_is_too_much(task: str) -> None:
    pairs = [("a" * 500, "0"), ("", "1"), ("a" * 500, "0"), ("a" * 500, "1")]
    kept, report = cleaned(pairs, task=task)
    assert kept == [("a" * 500, "0"), ("a" * 500, "1")]
    assert report == CleaningReport(num_pairs=4, num_empty=1, num_duplicates=1)


def test_when_nothing_is_left_it_is_said() -> None:
    with pytest.raises(DataError, match=r"no pair .* \(2 pairs: 0 kept, 2 empty\)"):
        cleaned([("", "a"), (" "[:0], "")])


def test_a_report_names_the_reasons_that_were_met() -> None:
    report = CleaningReport(num_pairs=29_000, num_duplicates=61).with_too_long(25)
    assert str(report) == "29,000 pairs: 28,914 kept, 61 duplicates, 25 too long"
    assert str(CleaningReport(num_pairs=3)) == "3 pairs: 3 kept"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "a", "b"])), max_size=20))
def test_what_is_kept_is_the_first_of_its_kind_in_order(pairs: Pairs) -> None:
    expected = list(dict.fromkeys(pair for pair in pairs if all(pair)))
    if expected:
        kept, report = cleaned(pairs)
        assert kept == expected
        assert report.num_kept == len(kept)
