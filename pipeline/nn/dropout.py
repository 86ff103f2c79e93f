"""Dropout whose random bits cost little on a CPU: of units, tokens, words, weights."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero each unit with probability p and scale the rest by 1 / (1 - p) (Srivastava et al. 2014).

    Args:
        p: The probability.
        variational: Of (B, T, H), zero a unit at all T time steps of a row or at none (Gal &
            Ghahramani 2016).
    """

    def __init__(self, p: float, *, variational: bool = False) -> None:
        super().__init__()
        self.p = p
        self.variational = variational

    def forward(self, inputs: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """In training, the inputs with some zeroed; otherwise the inputs."""
        if not self.training or not round(self.p * 256):
            return inputs
        return inputs * scaled_mask(self._shape(inputs), self.p, like=inputs)

    def _shape(self, inputs: Tensor) -> Sequence[int]:
        if self.variational and inputs.dim() == 3:
            return (inputs.shape[0], 1, inputs.shape[2])
        return inputs.shape


class WordDropout(Dropout):
    """Zero whole vectors of tokens, each by itself (Sennrich et al. 2016)."""

    def _shape(self, inputs: Tensor) -> Sequence[int]:
        return (*inputs.shape[:-1], 1)


class EmbeddingDropout(nn.Module):
    """Zero rows of the embedding matrix: all tokens of a word in a sentence, or none of them.

    Of each sentence other words (Gal & Ghahramani 2016, section 4.2), where Merity et al. (2018,
    section 4.3) take the same in a whole batch.

    Args:
        p: The probability of each word.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(
        self, vectors: Float[Tensor, "B T D"], token_ids: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        """In training, the vectors of these tokens with those of some words zeroed."""
        if not self.training or not round(self.p * 256):
            return vectors
        words, word_of_token = token_ids.unique(return_inverse=True)
        by_word = scaled_mask((len(token_ids), len(words)), self.p, like=vectors)
        return vectors * by_word.gather(1, word_of_token).unsqueeze(-1)


def scaled_mask(shape: Sequence[int], p: float, *, like: Tensor) -> Float[Tensor, "..."]:
    """0 with probability p, and otherwise 1 / (1 - p); in the precision and place of `like`.

    torch draws one number a unit, on one core: an eighth of a training step in a profile. Here
    eight units share a 64-bit number, a byte each, so that p is rounded to a multiple of 1/256.
    """
    threshold = round(p * 256)
    num_units = math.prod(shape)
    words = torch.empty(-(-num_units // 8), dtype=torch.int64, device=like.device)
    units = words.random_(-(2**63), None).view(torch.uint8)[:num_units].view(*shape)
    return (units >= threshold).to(like.dtype).mul_(256 / (256 - threshold))
