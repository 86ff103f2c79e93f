"""Sampling: a token drawn from the model's distribution, sharpened or cut off."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.decoding.greedy import most_probable
from pipeline.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Chooses the next token at random; with temperature 0 it is the greedy choice.

    Attributes:
        temperature: What the logits are divided by; below 1 sharpens, above 1 flattens.
        top_k: Only the k most probable tokens (Fan et al. 2018); 0 means all.
        top_p: Only the smallest set of tokens that holds this much probability (Holtzman et al.
            2020); 1 means all.
        min_p: Only tokens with at least this share of the probability of the most probable one
            (Nguyen et al. 2024); 0 means all.
        epsilon: Only tokens with at least this probability, or the most probable one where none
            has (Hewitt et al. 2022); 0 means all.
        generator: Where the randomness comes from; torch's own when not given.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    epsilon: float = 0.0
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ConfigError(f"temperature: expected 0 or more, got {self.temperature}")
        if self.top_k < 0:
            raise ConfigError(f"top_k: expected 0 (all) or more, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p: expected 0 < top_p <= 1, got {self.top_p}")
        if not 0 <= self.min_p <= 1:
            raise ConfigError(f"min_p: expected 0 (all) to 1, got {self.min_p}")
        if not 0 <= self.epsilon < 1:
            raise ConfigError(f"epsilon: expected 0 (all) or more, below 1, got {self.epsilon}")

    def __call__(self, logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
        """One token for each row."""
        if self.temperature == 0:
            return most_probable(logits)
        # By the inverse of the cumulative distribution: one random number a row. torch.multinomial
        # draws one for each token of the vocabulary, which takes longer than all else of a step.
        cumulative = self.probabilities(logits).cumsum(dim=-1)
        drawn = torch.rand(len(logits), 1, generator=self.generator, device=logits.device)
        drawn = drawn * cumulative[:, -1:]
        return torch.searchsorted(cumulative, drawn, right=True).squeeze(1)

    def probabilities(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The distribution drawn from; the temperature comes before the cut-offs."""
        logits = logits / self.temperature
        if self.top_k:
            kth = logits.topk(min(self.top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < kth, -math.inf)
        probabilities = logits.softmax(dim=-1)
        if self.top_p < 1:
            ordered, order = probabilities.sort(dim=-1, descending=True)
            # A token stays if those before it do not hold top_p already, so the first always does.
            before = ordered.cumsum(dim=-1) - ordered
            ordered = ordered.masked_fill(before >= self.top_p, 0.0)
            probabilities = torch.zeros_like(probabilities).scatter(1, order, ordered)
        if self.min_p:
            least = self.min_p * probabilities.max(dim=-1, keepdim=True).values
            probabilities = probabilities.masked_fill(probabilities < least, 0.0)
        if self.epsilon:
            best = probabilities.max(dim=-1, keepdim=True).values
            least = best.clamp(max=self.epsilon)
            probabilities = probabilities.masked_fill(probabilities < least, 0.0)
        return probabilities / probabilities.sum(dim=-1, keepdim=True)
