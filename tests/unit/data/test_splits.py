import itertools
from collections import Counter
from random import Random

import datasets
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.data.cache import fingerprint_of
from pipeline.data.splits import (
    assign,
    connected,
    hash_text,
    hash_texts,
    hold_out,
    hold_out_last,
)
from pipeline.errors import DataError


def split_by_answer(answers: list[str], held_out_rows: int) -> dict[str, list[str]]:
    rows = datasets.Dataset.from_dict({"answer": answers})
    parts = hold_out(rows, answers, ["validation", "test"], held_out_rows=held_out_rows)
    return {name: list(part["answer"]) for name, part in parts.items()}


def test_the_hash_is_the_same_everywhere() -> None:
    assert hash_text("안녕") == 3344428376484356375


@given(st.lists(st.text()))
@example(["a lone surrogate \ud800"])
def test_many_texts_are_hashed_as_each_by_itself(texts: list[str]) -> None:
    found = hash_texts(iter(texts), num_texts=len(texts))
    assert found.tolist() == [hash_text(text) for text in texts]


def test_nothing_is_lost_shared_or_repeated() -> None:
    answers = [f"answer {number % 300}" for number in range(1_000)]
    parts = split_by_answer(answers, 50)
    assert Counter(itertools.chain(*parts.values())) == Counter(answers)
    assert not set(parts["train"]) & set(parts["test"])
    assert not set(parts["train"]) & set(parts["validation"])
    assert not set(parts["validation"]) & set(parts["test"])


def test_rows_keep_their_order() -> None:
    parts = split_by_answer([f"{number:05}" for number in range(500)], 20)
    assert all(part == sorted(part) for part in parts.values())


def test_a_tenth_at_most_is_held_out_and_one_row_at_least() -> None:
    sizes = {
        n: [len(part) for part in split_by_answer([str(i) for i in range(n)], 1_000).values()]
        for n in (3, 9, 100)
    }
    assert sizes == {3: [1, 1, 1], 9: [7, 1, 1], 100: [80, 10, 10]}


def test_too_few_values_are_said() -> None:
    with pytest.raises(DataError, match=r"validation and test out of 9 rows: .* found 2"):
        split_by_answer(["a", "b", "a"] * 3, 1)


def test_the_order_of_the_rows_does_not_count() -> None:
    answers = [f"answer {number % 90}" for number in range(400)]
    parts = split_by_answer(answers, 30)
    backwards = split_by_answer(answers[::-1], 30)
    assert {name: sorted(part) for name, part in backwards.items()} == {
        name: sorted(part) for name, part in parts.items()
    }


def test_a_row_more_moves_few_others() -> None:
    answers = [str(number) for number in range(2_000)]
    before = split_by_answer(answers, 100)
    after = split_by_answer([*answers, "another"], 100)
    assert len(set(before["test"]) ^ set(after["test"])) <= 2
    assert len(set(before["validation"]) ^ set(after["validation"])) <= 4


def test_a_value_with_most_of_the_rows_is_for_train() -> None:
    for name in "abcdefgh":
        parts = split_by_answer([name] * 700 + [f"{name}{i}" for i in range(300)], 40)
        assert {split: len(part) for split, part in parts.items()} == {
            "train": 920,
            "validation": 40,
            "test": 40,
        }


@given(st.lists(st.integers(0, 30), min_size=5), st.integers(1, 2), st.integers(1, 10))
def test_every_split_gets_rows_near_its_size(values: list[int], num_splits: int, size: int) -> None:
    hashes = np.array([hash_text(str(value)) for value in values], dtype=np.uint64)
    if len(set(values)) <= num_splits:
        return
    split_of_row = assign(hashes, num_splits=num_splits, size=size)
    sizes = np.bincount(split_of_row, minlength=num_splits + 1)
    assert (sizes > 0).all()
    largest = max(Counter(values).values())
    assert (sizes[1:] < size + largest).all()
    assert all(len(set(split_of_row[hashes == value])) == 1 for value in hashes)


def split_by_time(num_rows: int, names: list[str], held_out_rows: int) -> dict[str, list[int]]:
    rows = datasets.Dataset.from_dict({"value": list(range(num_rows))})
    parts = hold_out_last(rows, names, held_out_rows=held_out_rows)
    return {name: list(part["value"]) for name, part in parts.items()}


@given(st.integers(20, 90), st.integers(2, 12), st.booleans())
def test_the_splits_of_a_series_are_its_pieces_in_order(
    num_rows: int, held_out_rows: int, has_test: bool
) -> None:
    names = ["validation"] if has_test else ["validation", "test"]
    parts = split_by_time(num_rows, names, held_out_rows)
    assert list(parts) == ["train", *names]
    assert list(itertools.chain(*parts.values())) == list(range(num_rows))
    size = min(held_out_rows, num_rows // 10)
    assert [len(parts[name]) for name in names] == [size] * len(names)


def test_the_last_of_a_series_are_for_the_test() -> None:
    assert split_by_time(40, ["validation", "test"], 3) == {
        "train": list(range(34)),
        "validation": [34, 35, 36],
        "test": [37, 38, 39],
    }
    assert split_by_time(40, ["validation"], 1_000)["validation"] == [36, 37, 38, 39]


def test_a_single_row_is_no_series() -> None:
    with pytest.raises(DataError, match=r"^data\.held_out_rows: expected 2 or more .* got 1$"):
        split_by_time(1_000, ["validation"], 1)


def test_a_series_too_short_to_be_split_is_said() -> None:
    assert len(split_by_time(20, ["validation", "test"], 1_000)["test"]) == 2
    message = "cannot hold out validation and test of a series: expected at least 20 rows, found 19"
    with pytest.raises(DataError, match=f"^data.path: {message}$"):
        split_by_time(19, ["validation", "test"], 1_000)


def test_parts_of_a_series_have_fingerprints_of_their_own() -> None:
    rows = datasets.Dataset.from_dict({"value": list(range(40))})
    names = ["validation", "test"]
    first, again, other = (
        {name: fingerprint_of(part) for name, part in hold_out_last(rows, names, **size).items()}
        for size in ({"held_out_rows": 3}, {"held_out_rows": 3}, {"held_out_rows": 2})
    )
    assert first == again
    assert len({*first.values(), *other.values(), fingerprint_of(rows)}) == 7


@given(st.lists(st.tuples(*[st.sampled_from(["", *"abcdef"])] * 2), max_size=8), st.randoms())
def test_rows_that_share_a_sentence_are_connected_in_any_order(
    rows: list[tuple[str, ...]], random: Random
) -> None:
    def groups(rows: list[tuple[str, ...]]) -> list[str]:
        sentences = [(i, f"{n}{text}") for i, row in enumerate(rows) for n, text in enumerate(row)]
        return connected([each for each in sentences if each[1][1:]], num_rows=len(rows))

    found = groups(rows)
    reached = {i: {i} for i in range(len(rows))}  # by following common sentences, one at a time
    for _ in rows:
        for i, j in itertools.product(range(len(rows)), repeat=2):
            if any(a and a == b for a, b in zip(rows[i], rows[j], strict=True)):
                reached[i] |= reached[j]
    for i, j in itertools.product(range(len(rows)), repeat=2):
        if any(rows[i]) and any(rows[j]):
            assert (found[i] == found[j]) == (j in reached[i])
    order = random.sample(range(len(rows)), len(rows))
    assert groups([rows[i] for i in order]) == [found[i] for i in order]
