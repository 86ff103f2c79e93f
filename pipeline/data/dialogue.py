"""Turns of a conversation → pairs of what was said so far and the response to it."""

from collections.abc import Iterator, Sequence

from pipeline.context import clean_turn, join_turns


def dialogue_pairs(turns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each turn from the second on, after the turns before it (see `join_turns`).

    Turns without text count as not said.
    """
    said = [turn for turn in map(clean_turn, turns) if turn]
    for position in range(1, len(said)):
        yield join_turns(said[:position]), said[position]
