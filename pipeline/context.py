"""What a chat model sees of a conversation: earlier turns as one text, cut to a budget of ids."""

from collections.abc import Sequence

from pipeline.text import normalize, normalize_all
from pipeline.tokenizer import TURN, Tokenizer

MAX_TURNS = 8
"""Turns that are joined at most; the budget in ids, which `fit_context` keeps, is what counts."""

_BETWEEN = f" {TURN} "


def clean_turn(text: str) -> str:
    """One turn as normalised text, which cannot forge the turn symbol."""
    return normalize(text.replace(TURN, " "))


def clean_turns(texts: Sequence[str]) -> list[str]:
    """What `clean_turn` makes of each."""
    return normalize_all([text.replace(TURN, " ") for text in texts])


def join_turns(turns: Sequence[str], *, max_turns: int | None = MAX_TURNS) -> str:
    """The last turns of a conversation, oldest first, with the turn symbol between them.

    Turns without text are left out. `max_turns` None is no limit.
    """
    cleaned = [clean_turn(turn) for turn in (turns[-max_turns:] if max_turns else turns)]
    return _BETWEEN.join(turn for turn in cleaned if turn)


def split_turns(text: str) -> list[str]:
    """Joined turns, one by one."""
    return text.split(_BETWEEN)


def last_turn(text: str) -> str:
    """Of joined turns the last one."""
    return text.rpartition(_BETWEEN)[2]


def encode_contexts(
    texts: Sequence[str], tokenizer: Tokenizer, *, budget: int | None
) -> list[list[int]]:
    """Joined turns as ids: as many as fit, or for a model that remembers, all of them.

    Args:
        texts: From `join_turns`.
        tokenizer: Of the source.
        budget: Ids at most, see `fit_context`. None keeps all turns, each encoded by itself, so
            that it has the same ids whatever stands around it.
    """
    if budget is None:
        return [_encode_by_turn(text, tokenizer) for text in texts]
    return [
        fit_context(ids, turn_id=tokenizer.turn_id, budget=budget)
        for ids in tokenizer.encode_batch(texts)
    ]


def _encode_by_turn(text: str, tokenizer: Tokenizer) -> list[int]:
    ids: list[int] = []
    for turn in tokenizer.encode_batch(split_turns(text)):
        ids += [*turn, tokenizer.turn_id]
    return ids[:-1]


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
