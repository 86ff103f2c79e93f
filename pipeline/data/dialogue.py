"""Turns of a conversation → pairs of what was said so far and the response to it."""

from collections.abc import Iterator, Sequence

from pipeline.context import MAX_TURNS, clean_turn, join_turns


def dialogue_pairs(
    turns: Sequence[str], *, max_turns: int | None = MAX_TURNS
) -> Iterator[tuple[str, str]]:
    """Each turn from the second on, after the turns before it (see `join_turns`).

    Turns without text count as not said.
    """
    said = [turn for turn in map(clean_turn, turns) if turn]
    for position in range(1, len(said)):
        yield join_turns(said[:position], max_turns=max_turns), said[position]
