"""The lexical path: from the words that attention looks at straight to the next token."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LexicalPath(nn.Module):
    """l_t = Σ_s a_ts v_s, added to the features of the next token, with v_s = e_s + tanh(W_l e_s).

    a_ts are the weights of the attention, e_s the embeddings of the source. The encoder's outputs
    say what a word means in its sentence; a rare one is told from its like by its embedding alone,
    and so more often translated as itself. After Nguyen & Chiang (2018, section 4), who have a
    softmax of its own for it, and whose tanh and W_l come after the sum: before it, v_s belongs to
    the word, and is worked out once.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.W_l = nn.Linear(dim, dim, bias=False)

    def forward(self, words: Float[Tensor, "*B E"]) -> Float[Tensor, "*B E"]:
        """What words with these embeddings add to the features when they are looked at."""
        return words + torch.tanh(self.W_l(words))
