"""Two chatbots, or one and itself, talk to each other: a look at how a model behaves."""

from collections import Counter
from collections.abc import Iterator

from pipeline.chat.session import ChatSession

MAX_REPEATS = 3
"""So often the same turn, and they would go on like that."""


def self_chat(
    one: ChatSession, other: ChatSession, *, opening: str, num_turns: int
) -> Iterator[str]:
    """The turns after the opening: the reply of one, the other's reply to that, and so on.

    It ends early with the turn that was said `MAX_REPEATS` times.

    Args:
        one: Replies first; its conversation so far is left behind.
        other: Said the opening; another session, perhaps of the same model.
        opening: The first turn.
        num_turns: Turns at most, the opening not counted.
    """
    one.restore([])
    other.restore(["", opening])
    times_said: Counter[str] = Counter()
    message = opening
    for turn in range(num_turns):
        message = (other if turn % 2 else one).reply(message)
        yield message
        times_said[message] += 1
        if times_said[message] == MAX_REPEATS:
            return
