"""A deep output: a hidden layer between the features of the next token and the softmax."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.dropout import Dropout

_WIDTH = 4
"""Hidden units for each feature (Vaswani et al. 2017, section 3.3)."""


class DeepOutput(nn.Module):
    """f + W_2 tanh(W_1 f + b_1) + b_2, of features f.

    What the state, the context and the words looked at say of the next token is only added up
    before a softmax; here it is weighed together (a deep transition from the hidden state to the
    output: Pascanu et al. 2014, section 3.3.2). It does not recur, and so costs products alone.
    """

    def __init__(self, dim: int, *, dropout: float, variational: bool) -> None:
        super().__init__()
        self.W_1 = nn.Linear(dim, _WIDTH * dim)
        self.W_2 = nn.Linear(_WIDTH * dim, dim)
        self.dropout = Dropout(dropout, variational=variational)

    def forward(self, features: Float[Tensor, "*B E"]) -> Float[Tensor, "*B E"]:
        """The features that the softmax reads."""
        found: Tensor = self.W_2(self.dropout(torch.tanh(self.W_1(features))))
        return features + found
