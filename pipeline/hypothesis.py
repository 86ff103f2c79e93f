"""What a search finds, whatever runs the model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """A generated sentence.

    Attributes:
        ids: Its tokens, without BOS and EOS.
        log_prob: The log-probability in nats of these tokens, and of EOS if it came to one; nan
            where the search was not asked for it.
        score: What a beam search judged it by; None where there was nothing to compare it with.
    """

    ids: list[int]
    log_prob: float
    score: float | None = None
