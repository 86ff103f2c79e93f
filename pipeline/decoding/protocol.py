"""What decoding asks of a model, and what it gives back."""

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.tokenizer import BOS_ID, PAD_ID, UNK_ID

NEVER_GENERATED = [PAD_ID, UNK_ID, BOS_ID]

_Same = TypeVar("_Same", bound="State")


@runtime_checkable
class State(Protocol):
    """What a model remembers of each row between two steps."""

    def select(self: _Same, rows: Int[Tensor, " N"]) -> _Same:
        """The state of these rows, in this order; a row may be named twice."""
        ...

    def reorder(self: _Same, rows: Int[Tensor, " B"]) -> _Same:
        """As `select`, where each row is of the same source as that in whose place it comes."""
        ...


AnyState = TypeVar("AnyState", bound=State)


@runtime_checkable
class Model(Protocol[AnyState]):
    """A model that can be decoded from."""

    def encode(self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]) -> AnyState:
        """The state before the first token."""
        ...

    def step(
        self, token_ids: Int[Tensor, " B"], state: AnyState
    ) -> tuple[Float[Tensor, "B V"], AnyState]:
        """Logits of the token after `token_ids`, and the state that follows."""
        ...


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


@dataclass(frozen=True, kw_only=True)
class LengthLimit:
    """How long a hypothesis may become: `ratio * source_length + extra` tokens, EOS included."""

    ratio: float = 2.0
    extra: int = 10

    @classmethod
    def for_task(cls, *, is_chat: bool) -> "LengthLimit":
        """A translation is about as long as its source; a reply is as long as it likes."""
        return cls(ratio=0.0, extra=60) if is_chat else cls()

    def of(self, source_lengths: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """The limit of each row."""
        return (source_lengths * self.ratio).long() + self.extra


def next_token_logits(
    logits: Float[Tensor, "B V"], *, allow_unknown: bool = False
) -> Float[Tensor, "B V"]:
    """Logits in float32, without the tokens that no sentence holds; UNK is one unless allowed."""
    logits = logits.float()
    logits[:, [PAD_ID, BOS_ID] if allow_unknown else NEVER_GENERATED] = -math.inf
    return logits


def attention_of(state: State) -> Float[Tensor, "B S"]:
    """Where the last step looked: the `attention_weights` of a state that has them.

    Raises:
        ConfigError: The model has no attention.
    """
    weights: Tensor | None = getattr(state, "attention_weights", None)
    if weights is None:
        raise ConfigError("coverage_penalty: expected a model with attention, this one has none")
    return weights


def begin_of_sentence(source_ids: Int[Tensor, "B S"]) -> Int[Tensor, " B"]:
    """The token before the first, for each row."""
    return torch.full((source_ids.shape[0],), BOS_ID, device=source_ids.device)
