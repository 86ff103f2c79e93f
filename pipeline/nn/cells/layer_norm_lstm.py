"""The LSTM with layer normalisation."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.cells.base import MemoryBiases, State, SteppedCell, at_least_float32


@final
class LayerNormLSTMCell(SteppedCell):
    """An LSTM whose products and memory are normalised (Ba et al. 2016, equations 20 to 22).

    i, f, g, o = LN(W_hh h_{t-1}) + LN(W_xh x_t) + b
    c_t = σ(f) c_{t-1} + σ(i) tanh(g),   h_t = σ(o) tanh(LN(c_t))

    The state is (h, c). The forget gate's bias begins at 1.
    """

    num_state_parts = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W_xh = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.W_hh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.norm_x = nn.LayerNorm(4 * hidden_size)  # its bias is the b of the equation
        self.norm_h = nn.LayerNorm(4 * hidden_size, bias=False)
        self.norm_c = nn.LayerNorm(hidden_size)
        nn.init.xavier_uniform_(self.W_xh.weight)
        with torch.no_grad():
            for matrix in self.recurrent_matrices():
                nn.init.orthogonal_(matrix)
            self.norm_x.bias[hidden_size : 2 * hidden_size] = 1.0

    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows G"]:
        """See `SteppedCell.project`."""
        projected: Tensor = self.norm_x(at_least_float32(self.W_xh(inputs)))
        return projected

    def advance(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """See `SteppedCell.advance`."""
        h, c = state
        i, f, g, o = (self.norm_h(at_least_float32(self.W_hh(h))) + projected).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(self.norm_c(c)), c

    def recurrent_matrices(self) -> Sequence[Float[Tensor, "H H"]]:
        """See `Cell.recurrent_matrices`."""
        return self.W_hh.weight.chunk(4)

    def memory_biases(self) -> MemoryBiases:
        """See `Cell.memory_biases`."""
        i, f, _, _ = self.norm_x.bias.chunk(4)
        return MemoryBiases(keep=f, write=i)
