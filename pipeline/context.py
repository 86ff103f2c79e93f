"""What a chat model sees of a conversation: earlier turns as one text, cut to a budget of ids."""

from collections.abc import Sequence

from pipeline.text import normalize
from pipeline.tokenizer import TURN

MAX_TURNS = 8
"""Turns that are joined at most; the budget in ids, which `fit_context` keeps, is what counts."""


def clean_turn(text: str) -> str:
    """One turn as normalised text, which cannot forge the turn symbol."""
    return normalize(text.replace(TURN, " "))


def join_turns(turns: Sequence[str]) -> str:
    """The last turns of a conversation, oldest first, with the turn symbol between them.

    Turns without text are left out.
    """
    cleaned = [clean_turn(turn) for turn in turns[-MAX_TURNS:]]
    return f" {TURN} ".join(turn for turn in cleaned if turn)


def fit_context(ids: Sequence[int], *, turn_id: int, budget: int) -> list[int]:
    """The last `budget` ids at most, in whole turns where the last turn fits.

    Whole turns are dropped from the front; of a last turn that is longer than the budget the end
    is kept, where the question usually stands.
    """
    start = max(len(ids) - budget, 0)
    if start == 0 or ids[start - 1] == turn_id:
        return list(ids[start:])
    for position in range(start, len(ids) - 1):
        if ids[position] == turn_id:
            return list(ids[position + 1 :])
    return list(ids[start:])
