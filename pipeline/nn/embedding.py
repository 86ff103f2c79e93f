"""Tokens as vectors: learned, of unit size, which a softmax can share; or one-hot."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import PAD_ID


class Embedding(nn.Embedding):
    """Rows of the matrix times sqrt(E) (Vaswani et al. 2017, section 3.4).

    The matrix has to be small to serve as softmax weights too (Press & Wolf 2017); a recurrent
    layer wants inputs of unit size. Without the factor a tied model learns far
    more slowly (docs/experiments.md).
    """

    def __init__(self, vocab_size: int, embedding_dim: int) -> None:
        super().__init__(vocab_size, embedding_dim, padding_idx=PAD_ID)
        self.scale = math.sqrt(embedding_dim)
        nn.init.normal_(self.weight, std=1 / self.scale)
        with torch.no_grad():
            self.weight[PAD_ID].zero_()

    def forward(self, input: Int[Tensor, "..."]) -> Float[Tensor, "... E"]:
        """The vectors of these ids."""
        return super().forward(input) * self.scale


class OneHot(nn.Module):
    """The identity as an embedding: zeros, and a one at the token's place.

    What learned vectors are measured against. The product with W_xh then picks a row of it.
    """

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.embedding_dim = vocab_size

    def forward(self, input: Int[Tensor, "..."]) -> Float[Tensor, "... V"]:
        """The vectors of these ids."""
        return nn.functional.one_hot(input, self.embedding_dim).to(torch.get_default_dtype())


def build_embedding(config: ModelConfig, vocab_size: int) -> Embedding | OneHot:
    """The configured vectors of a vocabulary."""
    if config.embedding == "one_hot":
        return OneHot(vocab_size)
    return Embedding(vocab_size, config.embedding_dim)


def token_vectors(embedding: Embedding | OneHot) -> Float[Tensor, "V D"]:
    """The vector of each token of the vocabulary."""
    size = embedding.num_embeddings if isinstance(embedding, Embedding) else embedding.embedding_dim
    vectors: Tensor = embedding(torch.arange(size))
    return vectors
