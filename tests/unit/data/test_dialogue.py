from hypothesis import given
from hypothesis import strategies as st

from pipeline.context import join_turns
from pipeline.data.dialogue import dialogue_pairs
from pipeline.tokenizer import TURN


def test_each_turn_answers_those_before_it() -> None:
    assert list(dialogue_pairs(["hi", "hello", "bye"])) == [
        ("hi", "hello"),
        (f"hi {TURN} hello", "bye"),
    ]


def test_fewer_than_two_turns_give_nothing() -> None:
    assert list(dialogue_pairs([])) == []
    assert list(dialogue_pairs(["hi"])) == []
    assert list(dialogue_pairs(["hi", " \n"])) == []


@given(st.lists(st.text(max_size=10), max_size=12))
def test_sources_are_what_a_chat_session_would_join(turns: list[str]) -> None:
    pairs = list(dialogue_pairs(turns))
    assert len(pairs) <= max(len(turns) - 1, 0)
    said = [turn for turn in (join_turns([turn]) for turn in turns) if turn]
    assert pairs == [(join_turns(said[:n]), said[n]) for n in range(1, len(said))]
