"""A deep output: a hidden layer between the features of the next token and the softmax."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.dropout import Dropout

_WIDTH = 4
"""Hidden units for each feature (Vaswani et al. 2017, section 3.3)."""


class DeepOutput(nn.Module):
    """f + W_2 tanh(W_1 [f; c; h] + b_1) + b_2, of features f, a context c and a state h.

    What the state, the context and the words looked at say of the next token is only added up
    before a softmax; here it is weighed together (a deep transition from the hidden state to the
    output: Pascanu et al. 2014, section 3.3.2). It does not recur, and so costs products alone.

    Args:
        dim: E.
        num_inputs: The size of what was read to make the features: of [c; h], or of h alone.
        dropout: Of the hidden units.
    """

    def __init__(self, dim: int, num_inputs: int, dropout: Dropout) -> None:
        super().__init__()
        self.W_1 = nn.Linear(dim + num_inputs, _WIDTH * dim)
        self.W_2 = nn.Linear(_WIDTH * dim, dim)
        self.dropout = dropout

    def forward(
        self, features: Float[Tensor, "*B E"], inputs: Float[Tensor, "*B I"]
    ) -> Float[Tensor, "*B E"]:
        """The features that the softmax reads."""
        return self.after(features, self.W_1(torch.cat([features, inputs], dim=-1)))

    def after(
        self, features: Float[Tensor, "*B E"], hidden: Float[Tensor, "*B N"]
    ) -> Float[Tensor, "*B E"]:
        """The same, where W_1 [f; c; h] + b_1 is known."""
        found: Tensor = self.W_2(self.dropout(torch.tanh(hidden)))
        return features + found
