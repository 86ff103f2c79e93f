"""The vanilla RNN: a state, an input, and a squashing function."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.cells.base import State, SteppedCell


class VanillaCell(SteppedCell):
    """h_t = f(h_{t-1} W_hh + x_t W_xh + b_h), for some f; b_h only where `bias` asks for it.

    The same W_xh and W_hh serve every time step. The third matrix of the equations, W_hy in
    y_t = W_hy h_t, reads the state out and is the layer above: the decoder's softmax matrix.
    """

    num_state_parts = 1

    def __init__(self, input_size: int, hidden_size: int, *, bias: bool = False) -> None:
        super().__init__(input_size, hidden_size)
        self.W_xh = nn.Parameter(nn.init.xavier_uniform_(torch.empty(input_size, hidden_size)))
        self.W_hh = nn.Parameter(nn.init.orthogonal_(torch.empty(hidden_size, hidden_size)))
        self.b_h = nn.Parameter(torch.zeros(hidden_size)) if bias else None

    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows H"]:
        """See `SteppedCell.project`."""
        projected = inputs @ self.W_xh
        return projected if self.b_h is None else projected + self.b_h

    def advance(self, projected: Float[Tensor, "B H"], state: State) -> State:
        """See `SteppedCell.advance`."""
        (h,) = state
        return (self.squash(h @ self.W_hh + projected),)

    @abstractmethod
    def squash(self, h: Float[Tensor, "B H"]) -> Float[Tensor, "B H"]:
        """The f of the equation."""

    def recurrent_matrices(self) -> Sequence[Float[Tensor, "H H"]]:
        """See `Cell.recurrent_matrices`."""
        return (self.W_hh,)


@final
class ElmanCell(VanillaCell):
    """h_t = tanh(h_{t-1} W_hh + x_t W_xh) (Elman 1990)."""

    def squash(self, h: Float[Tensor, "B H"]) -> Float[Tensor, "B H"]:
        """See `VanillaCell.squash`."""
        return torch.tanh(h)


@final
class IRNNCell(VanillaCell):
    """h_t = relu(h_{t-1} W_hh + x_t W_xh), where W_hh begins as the identity (Le et al. 2015).

    So a state is kept as it is at first, and its gradient too. W_xh is small, as in the paper.
    """

    def __init__(self, input_size: int, hidden_size: int, *, bias: bool = False) -> None:
        super().__init__(input_size, hidden_size, bias=bias)
        nn.init.eye_(self.W_hh)
        nn.init.normal_(self.W_xh, std=0.01)

    def squash(self, h: Float[Tensor, "B H"]) -> Float[Tensor, "B H"]:
        """See `VanillaCell.squash`."""
        return torch.relu(h)

    def recurrent_matrices(self) -> Sequence[Float[Tensor, "H H"]]:
        """None to be set otherwise: the identity is what this cell is."""
        return ()
