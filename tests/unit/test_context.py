from hypothesis import given
from hypothesis import strategies as st

from pipeline.context import MAX_TURNS, fit_context, join_turns
from pipeline.tokenizer import TURN

TURN_ID = 4


def test_turns_stand_in_order_with_the_symbol_between() -> None:
    assert join_turns([" hi\n", "how  are you?"]) == f"hi {TURN} how are you?"


def test_a_single_turn_is_itself() -> None:
    assert join_turns(["hi"]) == "hi"


def test_turns_without_text_are_left_out() -> None:
    assert join_turns(["hi", " \x00 ", "", "bye"]) == f"hi {TURN} bye"


def test_only_the_last_turns_are_joined() -> None:
    turns = [str(number) for number in range(50)]
    assert join_turns(turns).split(f" {TURN} ") == turns[-MAX_TURNS:]


@given(st.lists(st.text(alphabet="<turn> a\u2581\u200f😀", max_size=20), max_size=5))
def test_no_text_forges_the_symbol(turns: list[str]) -> None:
    assert join_turns(turns).count(TURN) <= max(len(turns) - 1, 0)


def test_what_fits_is_kept() -> None:
    assert fit_context([5, TURN_ID, 6, 7], turn_id=TURN_ID, budget=4) == [5, TURN_ID, 6, 7]


def test_whole_turns_are_dropped_from_the_front() -> None:
    ids = [5, 6, TURN_ID, 7, 8, TURN_ID, 9]
    assert fit_context(ids, turn_id=TURN_ID, budget=6) == [7, 8, TURN_ID, 9]
    assert fit_context(ids, turn_id=TURN_ID, budget=4) == [7, 8, TURN_ID, 9]
    assert fit_context(ids, turn_id=TURN_ID, budget=3) == [9]
    assert fit_context(ids, turn_id=TURN_ID, budget=1) == [9]


def test_of_a_turn_longer_than_the_budget_the_end_is_kept() -> None:
    assert fit_context([TURN_ID, 5, 6, 7], turn_id=TURN_ID, budget=2) == [6, 7]


@given(st.lists(st.integers(4, 7), max_size=30), st.integers(1, 12))
def test_the_context_is_an_end_within_the_budget(ids: list[int], budget: int) -> None:
    kept = fit_context(ids, turn_id=TURN_ID, budget=budget)
    assert len(kept) <= budget
    assert kept == ids[len(ids) - len(kept) :]
    assert bool(kept) == bool(ids)


@given(
    st.lists(st.lists(st.integers(5, 9), min_size=1, max_size=5), min_size=1), st.integers(5, 40)
)
def test_where_every_turn_fits_only_whole_turns_are_kept(
    turns: list[list[int]], budget: int
) -> None:
    ids = [id_ for turn in turns for id_ in [TURN_ID, *turn]][1:]
    kept = fit_context(ids, turn_id=TURN_ID, budget=budget)
    whole = [[id_ for turn in turns[n:] for id_ in [TURN_ID, *turn]][1:] for n in range(len(turns))]
    assert kept == next(end for end in whole if len(end) <= budget)
