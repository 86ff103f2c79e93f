"""Rules: what may follow, given what was generated. A search applies them before it chooses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.tokenizer import EOS_ID


@runtime_checkable
class Rule(Protocol):
    """Changes the logits of the next token; minus infinity bars a token."""

    def __call__(
        self, logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"]
    ) -> Float[Tensor, "B V"]:
        """Other logits; those given stay as they are.

        Args:
            logits: Of the next token.
            generated: The tokens of each row so far, without BOS.
        """
        ...


@dataclass(frozen=True)
class RepetitionPenalty:
    """Makes less probable what was said already (Keskar et al. 2019, equation 2).

    Their equation divides the logit of each such token, which would favour a negative one: that
    is multiplied instead, as their code does.

    Attributes:
        penalty: 1 changes nothing; 1.2 is theirs.
        context_ids: Tokens that count as said in every row.

    Raises:
        ConfigError: The penalty is less than 1.
    """

    penalty: float
    context_ids: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.penalty < math.inf:
            raise ConfigError(f"repetition_penalty: expected 1 or more, got {self.penalty}")

    def __call__(
        self, logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"]
    ) -> Float[Tensor, "B V"]:
        """See `Rule`."""
        said = torch.zeros_like(logits, dtype=torch.bool).scatter(1, generated, True)
        said[:, list(self.context_ids)] = True
        penalised = torch.where(logits > 0, logits / self.penalty, logits * self.penalty)
        return torch.where(said, penalised, logits)


@dataclass(frozen=True)
class NoRepeatNgram:
    """No n-gram comes twice in a row's own tokens (Paulus et al. 2018, section 2.5).

    Raises:
        ConfigError: The size is less than 1.
    """

    size: int

    def __post_init__(self) -> None:
        _check_size(self.size)

    def __call__(
        self, logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"]
    ) -> Float[Tensor, "B V"]:
        """See `Rule`."""
        if generated.shape[1] < self.size:
            return logits
        return _bar_endings(logits, generated, generated.unfold(1, self.size, 1))


@dataclass(frozen=True)
class NoRepeatContextNgram:
    """No n-gram of the context comes again in what is generated.

    Attributes:
        size: n.
        context_ids: The context, the same for every row.

    Raises:
        ConfigError: The size is less than 1.
    """

    size: int
    context_ids: Sequence[int]

    def __post_init__(self) -> None:
        _check_size(self.size)

    def __call__(
        self, logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"]
    ) -> Float[Tensor, "B V"]:
        """See `Rule`."""
        if len(self.context_ids) < self.size or generated.shape[1] < self.size - 1:
            return logits
        context = torch.tensor(self.context_ids, device=logits.device)
        ngrams = context.unfold(0, self.size, 1).expand(len(logits), -1, -1)
        return _bar_endings(logits, generated, ngrams)


@dataclass(frozen=True)
class MinLength:
    """No end before so many tokens, EOS not counted."""

    num_tokens: int

    def __call__(
        self, logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"]
    ) -> Float[Tensor, "B V"]:
        """See `Rule`."""
        if generated.shape[1] >= self.num_tokens:
            return logits
        return logits.index_fill(1, torch.tensor([EOS_ID], device=logits.device), -math.inf)


def apply_rules(
    rules: Sequence[Rule], logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"]
) -> Float[Tensor, "B V"]:
    """The logits after all the rules; where they bar everything, a row can still end.

    The logits given stay as they are: they hold the model's own probabilities.
    """
    ruled = logits
    for rule in rules:
        ruled = rule(ruled, generated)
    return leave_an_end(ruled, logits)


def leave_an_end(ruled: Float[Tensor, "B V"], logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """The ruled logits; of a row where nothing is possible, EOS has its logit back."""
    is_stuck = ruled.isneginf().all(dim=1)
    if not is_stuck.any():
        return ruled
    ruled = ruled.clone()
    ruled[is_stuck, EOS_ID] = logits[is_stuck, EOS_ID].clamp(min=torch.finfo(ruled.dtype).min)
    return ruled


def _check_size(size: int) -> None:
    if size < 1:
        raise ConfigError(f"n-gram size: expected 1 or more, got {size}")


def _bar_endings(
    logits: Float[Tensor, "B V"], generated: Int[Tensor, "B t"], ngrams: Int[Tensor, "B W n"]
) -> Float[Tensor, "B V"]:
    """Bar the last token of each n-gram that begins as the row ends."""
    begun = generated[:, generated.shape[1] - ngrams.shape[2] + 1 :]
    is_begun = (ngrams[:, :, :-1] == begun.unsqueeze(1)).all(dim=2)
    barred = torch.zeros_like(logits).scatter_add(1, ngrams[:, :, -1], is_begun.to(logits.dtype))
    return logits.masked_fill(barred > 0, -math.inf)
