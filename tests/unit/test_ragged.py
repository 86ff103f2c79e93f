import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ragged import Ragged
from pipeline.tokenizer import BOS_ID, EOS_ID, PAD_ID

rows_of_ids = st.lists(st.lists(st.integers(4, 99), max_size=6), min_size=1, max_size=5)


def lists(ragged: Ragged) -> list[list[int]]:
    ends = ragged.starts + ragged.lengths
    return [ragged.ids[start:end].tolist() for start, end in zip(ragged.starts, ends, strict=True)]


@given(rows_of_ids)
def test_rows_come_back(rows: list[list[int]]) -> None:
    ragged = Ragged.of(rows)
    assert lists(ragged) == rows
    assert Ragged.of(ragged) is ragged


@given(rows_of_ids, st.data())
def test_rows_are_taken_in_any_order_and_often(rows: list[list[int]], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    taken = Ragged.of(rows).take(np.array(numbers, dtype=np.int64))
    assert lists(taken) == [rows[number] for number in numbers]


@given(rows_of_ids, rows_of_ids)
def test_rows_follow_rows(rows: list[list[int]], others: list[list[int]]) -> None:
    assert lists(Ragged.of(rows).followed_by(Ragged.of(others))) == rows + others
    assert lists(Ragged.of([]).followed_by(Ragged.of(others))) == others


def test_padding_by_hand() -> None:
    ragged = Ragged.of([[7, 8], [], [9]])
    assert ragged.before_eos().tolist() == [
        [7, 8, EOS_ID],
        [EOS_ID, PAD_ID, PAD_ID],
        [9, EOS_ID, PAD_ID],
    ]
    assert ragged.after_bos().tolist() == [
        [BOS_ID, 7, 8],
        [BOS_ID, PAD_ID, PAD_ID],
        [BOS_ID, 9, PAD_ID],
    ]
    assert ragged.before_eos().dtype == ragged.after_bos().dtype == np.int64
