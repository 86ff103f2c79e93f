"""The lexical path: from the words that attention looks at straight to the next token."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LexicalPath(nn.Module):
    """l_t = tanh(W_l Σ_s a_ts e_s), added to the features of the next token.

    a_ts are the weights of the attention, e_s the embeddings of the source. The encoder's outputs
    say what a word means in its sentence; a rare one is told from its like by its embedding alone,
    and so more often translated as itself (Nguyen & Chiang 2018, section 4, where it has a softmax
    of its own).
    """

    def __init__(self, word_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.W_l = nn.Linear(word_dim, feature_dim)

    def forward(
        self, weights: Float[Tensor, "B T S"], words: Float[Tensor, "B S D"]
    ) -> Float[Tensor, "B T F"]:
        """What is looked at, as features."""
        return torch.tanh(self.W_l(weights.to(words.dtype) @ words))
