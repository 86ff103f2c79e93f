"""A reply, and what is known of how it came about."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was said to a message.

    Attributes:
        text: What was said.
        source_ids: What the model read, without EOS.
        token_ids: What it generated, without EOS; none where it did not generate.
    """

    text: str
    source_ids: tuple[int, ...]
    token_ids: tuple[int, ...] = ()
