"""Several models decoded from as one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.decoding.protocol import Model


@dataclass(frozen=True)
class EnsembleState:
    """The states of the models.

    Attributes:
        states: One a model.
    """

    states: tuple[Any, ...]

    def select(self, rows: Int[Tensor, " N"]) -> "EnsembleState":
        """The state of these rows, in this order; a row may be named twice."""
        return EnsembleState(tuple(state.select(rows) for state in self.states))

    def reorder(self, rows: Int[Tensor, " B"]) -> "EnsembleState":
        """As `select`, where each row is of the same source as that in whose place it comes."""
        return EnsembleState(tuple(state.reorder(rows) for state in self.states))

    @property
    def attention_weights(self) -> Float[Tensor, "B S"] | None:
        """Where the models looked, the mean of those that have attention; None if none has."""
        found = [getattr(state, "attention_weights", None) for state in self.states]
        weights = [each for each in found if each is not None]
        return torch.stack(weights).mean(dim=0) if weights else None


class Ensemble:
    """The mean of the probabilities of several models (Sutskever et al. 2014, section 3.6).

    p(y|x) = 1/M sum_m p_m(y|x) at each step; the logits that it gives are log p. The models share
    their vocabularies, and differ in what they like: sizes, cells, seeds.

    Args:
        models: At least one.
    """

    def __init__(self, models: Sequence[Model[Any]]) -> None:
        self._models = tuple(models)

    def encode(
        self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
    ) -> EnsembleState:
        """The state before the first token."""
        return EnsembleState(
            tuple(model.encode(source_ids, source_lengths) for model in self._models)
        )

    def step(
        self, token_ids: Int[Tensor, " B"], state: EnsembleState
    ) -> tuple[Float[Tensor, "B V"], EnsembleState]:
        """Log-probabilities of the token after `token_ids`, and the state that follows."""
        stepped = [
            model.step(token_ids, each)
            for model, each in zip(self._models, state.states, strict=True)
        ]
        log_probs = torch.stack([logits.float().log_softmax(dim=-1) for logits, _ in stepped])
        mean = log_probs.logsumexp(dim=0) - math.log(len(stepped))
        return mean, EnsembleState(tuple(after for _, after in stepped))
