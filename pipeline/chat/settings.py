"""How replies are generated: what a person may set in a chat."""

import math
from dataclasses import dataclass

from pipeline.errors import ConfigError

MAX_CANDIDATES = 100
"""All are searched side by side, and each takes its share of memory."""

_LEAST = {
    "top_k": 0,
    "no_repeat_ngram": 0,
    "no_repeat_context_ngram": 0,
    "min_tokens": 0,
    "max_tokens": 1,
    "num_candidates": 1,
    "seed": 0,
}


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """How replies are generated.

    Attributes:
        temperature: 0 takes the most probable token, always the same; see `Sampler`.
        top_k: Only the k most probable tokens; 0 means all.
        top_p: Only the most probable tokens that hold this much probability.
        min_p: Only tokens with this share of the most probable one's probability; 0 means all.
        repetition_penalty: For tokens of the reply and the conversation; 1 means none, see
            `RepetitionPenalty`.
        no_repeat_ngram: No run of so many tokens twice in a reply; 0 means off.
        no_repeat_context_ngram: No such run of the conversation again in a reply; 0 means off.
        min_tokens: Pieces of a reply at least.
        max_tokens: Pieces of a reply at most.
        num_candidates: Replies among which the best by mutual information is said; 1 means the
            first is, token by token.
        mmi_weight: How much what reply and message tell of each other counts; see `Reranker`.
        unsure_below: Where the geometric mean of the probabilities that the model itself gives
            the reply's tokens is less, it says that it is not sure; 0 means never.
        seed: Where the randomness begins.
        retrieve_above: Where there is an index of questions: a message that is so much like a
            known one, 0 to 1, gets its answer word for word; 1 is for the same question only.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    no_repeat_context_ngram: int = 0
    min_tokens: int = 0
    max_tokens: int = 60
    num_candidates: int = 1
    mmi_weight: float = 0.5
    unsure_below: float = 0.0
    seed: int = 0
    retrieve_above: float = 0.55

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if type(value) is not int:
                raise ConfigError(f"{name}: expected a whole number, got {value!r}")
            if not least <= value < 2**63:  # what torch can hold
                raise ConfigError(f"{name}: expected {least} or more, got {value}")
        similarity = self.retrieve_above
        if type(similarity) not in (int, float) or not 0 <= similarity <= 1:
            raise ConfigError(f"retrieve_above: expected 0 to 1, got {similarity!r}")
        if not 1 <= self.repetition_penalty < math.inf:
            raise ConfigError(
                f"repetition_penalty: expected 1 or more, got {self.repetition_penalty}"
            )
        if not 0 <= self.mmi_weight < math.inf:
            raise ConfigError(f"mmi_weight: expected 0 or more, got {self.mmi_weight}")
        if not 0 <= self.unsure_below <= 1:
            raise ConfigError(f"unsure_below: expected 0 to 1, got {self.unsure_below}")
        if self.min_tokens > self.max_tokens:
            raise ConfigError(
                f"min_tokens: expected max_tokens ({self.max_tokens}) or less, "
                f"got {self.min_tokens}"
            )
        if self.num_candidates > MAX_CANDIDATES:
            raise ConfigError(
                f"num_candidates: expected {MAX_CANDIDATES} or less, got {self.num_candidates}"
            )

    @property
    def looks_at_conversation(self) -> bool:
        """Whether what may follow in a reply depends on what was said before it."""
        return self.repetition_penalty > 1 or self.no_repeat_context_ngram > 0
