"""A reply, and what is known of how it came about."""

from dataclasses import dataclass

from pipeline.chat.retrieval import Match


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was said to a message.

    Attributes:
        text: What was said.
        source_ids: What the model read, without EOS.
        token_ids: What it generated, without EOS; none where it did not generate.
        match: The known question whose answer it is, word for word; None where it was generated.
    """

    text: str
    source_ids: tuple[int, ...]
    token_ids: tuple[int, ...] = ()
    match: Match | None = None
