from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from pipeline.chat import ChatSession, self_chat


class Scripted(ChatSession):
    """Says what it is told to say, in order; keeps what it heard."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._turns = []
        self._last_reply = None
        self._recollection = None

    def stream(self, message: str, *, retrieve: bool = True) -> Generator[str, None, None]:
        line = self._lines.pop(0)
        self._turns += [message, line]
        yield line


def test_each_hears_what_the_other_said() -> None:
    one, other = Scripted(["b", "d"]), Scripted(["c", "e"])
    assert list(self_chat(one, other, opening="a", num_turns=4)) == ["b", "c", "d", "e"]
    assert one.turns == ("a", "b", "c", "d")
    assert other.turns == ("", "a", "b", "c", "d", "e")


def test_it_ends_after_so_many_turns() -> None:
    one, other = Scripted(["b", "d"]), Scripted(["c"])
    assert list(self_chat(one, other, opening="a", num_turns=3)) == ["b", "c", "d"]


def test_a_loop_ends_it() -> None:
    one, other = Scripted(["yes"] * 9), Scripted([f"no {n}" for n in range(9)])
    turns = list(self_chat(one, other, opening="a", num_turns=18))
    assert turns == ["yes", "no 0", "yes", "no 1", "yes"]


@pytest.mark.parametrize("num_turns", [1, 4])
def test_two_sessions_of_one_model_do_not_disturb_each_other(
    num_turns: int, tiny_chat_folder: Path
) -> None:
    one, other = (ChatSession.from_pretrained(tiny_chat_folder) for _ in range(2))
    turns = list(self_chat(one, other, opening="hello", num_turns=num_turns))
    alone = ChatSession.from_pretrained(tiny_chat_folder)
    assert turns[0] == alone.reply("hello")
    if num_turns > 2:
        assert turns[2] == alone.reply(turns[1])
