"""Attention: how the decoder looks back at the encoder's outputs.

An attention keeps nothing between calls. The keys of a sentence are made once (`keys`) and then
serve one query a step in decoding, or all queries at once in training.
"""

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pipeline.nn.config import AttentionName


class Attention(nn.Module, ABC):
    """Weights over the source by a score, and the sum of the values under these weights."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size

    def keys(self, encoder_outputs: Float[Tensor, "B S H"]) -> Float[Tensor, "B S H"]:
        """What the queries are compared with; made once a sentence."""
        return encoder_outputs

    def values(self, encoder_outputs: Float[Tensor, "B S H"]) -> Float[Tensor, "B S H"]:
        """What the context is a weighted sum of; made once a sentence."""
        return encoder_outputs

    @abstractmethod
    def scores(
        self, queries: Float[Tensor, "B T H"], keys: Float[Tensor, "B S H"]
    ) -> Float[Tensor, "B T S"]:
        """How well each key suits each query."""

    def forward(
        self,
        queries: Float[Tensor, "B T H"],
        keys: Float[Tensor, "B S H"],
        values: Float[Tensor, "B S H"],
        source_mask: Bool[Tensor, "B S"],
        more_scores: Float[Tensor, "B T S"] | float = 0.0,
    ) -> tuple[Float[Tensor, "B T H"], Float[Tensor, "B T S"]]:
        """Contexts, and the weights that made them: each row sums to 1, with 0 on padding.

        `more_scores` are added to those by queries and keys.
        """
        scores = self.scores(queries, keys) + more_scores
        weights = masked_softmax(scores, source_mask.unsqueeze(1))
        return weights.to(values.dtype) @ values, weights


@final
class DotAttention(Attention):
    """score(h, s) = h · s / √H (Luong et al. 2015, equation 8; scaled, see `scaled_products`)."""

    def scores(
        self, queries: Float[Tensor, "B T H"], keys: Float[Tensor, "B S H"]
    ) -> Float[Tensor, "B T S"]:
        """See `Attention.scores`."""
        return scaled_products(queries, keys)


@final
class GeneralAttention(Attention):
    """score(h, s) = h · W s / √H (Luong et al. 2015, equation 8; scaled, see `scaled_products`)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.W = nn.Linear(hidden_size, hidden_size, bias=False)

    def keys(self, encoder_outputs: Float[Tensor, "B S H"]) -> Float[Tensor, "B S H"]:
        """See `Attention.keys`."""
        keys: Tensor = self.W(encoder_outputs)
        return keys

    def scores(
        self, queries: Float[Tensor, "B T H"], keys: Float[Tensor, "B S H"]
    ) -> Float[Tensor, "B T S"]:
        """See `Attention.scores`."""
        return scaled_products(queries, keys)


@final
class AdditiveAttention(Attention):
    """score(h, s) = v · tanh(W h + U s) (Bahdanau et al. 2015, appendix A.1.2).

    It holds a (B, T, S, H) tensor: slower than a product, and larger.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.W = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v = nn.Linear(hidden_size, 1, bias=False)

    def keys(self, encoder_outputs: Float[Tensor, "B S H"]) -> Float[Tensor, "B S H"]:
        """See `Attention.keys`."""
        keys: Tensor = self.U(encoder_outputs)
        return keys

    def scores(
        self, queries: Float[Tensor, "B T H"], keys: Float[Tensor, "B S H"]
    ) -> Float[Tensor, "B T S"]:
        """See `Attention.scores`."""
        combined = torch.tanh(self.W(queries).unsqueeze(2) + keys.unsqueeze(1))  # (B, T, S, H)
        scores: Tensor = self.v(combined).squeeze(-1)
        return scores


@final
class MultiHeadAttention(Attention):
    """Scaled dot products in several subspaces (Vaswani et al. 2017, section 3.2.2).

    The weights that it returns are the mean over the heads.
    """

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__(hidden_size)
        self.num_heads = num_heads
        self.W_q = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_k = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_v = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_o = nn.Linear(hidden_size, hidden_size, bias=False)

    def keys(self, encoder_outputs: Float[Tensor, "B S H"]) -> Float[Tensor, "B S H"]:
        """See `Attention.keys`."""
        keys: Tensor = self.W_k(encoder_outputs)
        return keys

    def values(self, encoder_outputs: Float[Tensor, "B S H"]) -> Float[Tensor, "B S H"]:
        """See `Attention.values`."""
        values: Tensor = self.W_v(encoder_outputs)
        return values

    def scores(
        self, queries: Float[Tensor, "B T H"], keys: Float[Tensor, "B S H"]
    ) -> Float[Tensor, "B T S"]:
        """The mean of the heads' scores; the weights are made head by head in `forward`."""
        return self._head_scores(queries, keys).mean(dim=1)

    def forward(
        self,
        queries: Float[Tensor, "B T H"],
        keys: Float[Tensor, "B S H"],
        values: Float[Tensor, "B S H"],
        source_mask: Bool[Tensor, "B S"],
        more_scores: Float[Tensor, "B T S"] | float = 0.0,
    ) -> tuple[Float[Tensor, "B T H"], Float[Tensor, "B T S"]]:
        """See `Attention.forward`; every head gets the same `more_scores`."""
        if isinstance(more_scores, Tensor):
            more_scores = more_scores.unsqueeze(1)
        scores = self._head_scores(queries, keys) + more_scores
        weights = masked_softmax(scores, source_mask[:, None, None])
        heads = weights.to(values.dtype) @ self._split(values)  # (B, heads, T, H / heads)
        contexts: Tensor = self.W_o(heads.transpose(1, 2).flatten(2))
        return contexts, weights.mean(dim=1)

    def _head_scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return scaled_products(self._split(self.W_q(queries)), self._split(keys))

    def _split(self, vectors: Tensor) -> Tensor:
        # (B, N, H) -> (B, heads, N, H / heads)
        split: Tensor = vectors.unflatten(2, (self.num_heads, -1))
        return split.transpose(1, 2)


def scaled_products(
    queries: Float[Tensor, "*rows T D"], keys: Float[Tensor, "*rows S D"]
) -> Float[Tensor, "*rows T S"]:
    """Dot products over √D (Vaswani et al. 2017, section 3.2.1).

    Without the factor the products are so large that the softmax puts all of its weight on one
    place, and passes no gradient on, before it has learnt which (docs/experiments.md).
    """
    return queries / math.sqrt(queries.shape[-1]) @ keys.transpose(-1, -2)


def masked_softmax(
    scores: Float[Tensor, "*rows S"], source_mask: Bool[Tensor, "*mask_rows S"]
) -> Float[Tensor, "*rows S"]:
    """Softmax in float32 over the places where the mask is True; exactly 0 elsewhere."""
    return scores.float().masked_fill(~source_mask, -math.inf).softmax(dim=-1)


def build_attention(name: AttentionName, hidden_size: int, *, num_heads: int) -> Attention | None:
    """The attention of that name; `none` gives None."""
    match name:
        case "none":
            return None
        case "dot":
            return DotAttention(hidden_size)
        case "general":
            return GeneralAttention(hidden_size)
        case "additive":
            return AdditiveAttention(hidden_size)
        case "multi_head":
            return MultiHeadAttention(hidden_size, num_heads)
