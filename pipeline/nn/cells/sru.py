"""The simple recurrent unit: products for all time steps at once, then a light loop."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.cells.base import MemoryBiases, State, SteppedCell


@final
class SRUCell(SteppedCell):
    """The SRU (Lei et al. 2018, equations 1 to 4): no product with the state in the loop.

    f_t = σ(W_f x_t + v_f ⊙ c_{t-1} + b_f),   r_t = σ(W_r x_t + v_r ⊙ c_{t-1} + b_r)
    c_t = f_t ⊙ c_{t-1} + (1 - f_t) ⊙ W x_t,   h_t = r_t ⊙ c_t + (1 - r_t) ⊙ x_t

    The state is (h, c). Where x_t has not the size of h_t, a fourth matrix brings it there.
    """

    num_state_parts = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.has_projection = input_size != hidden_size
        num_products = 4 if self.has_projection else 3
        self.W = nn.Linear(input_size, num_products * hidden_size, bias=False)
        self.v = nn.Parameter(torch.zeros(2, hidden_size))
        self.b = nn.Parameter(torch.zeros(2, hidden_size))
        nn.init.xavier_uniform_(self.W.weight)

    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows G"]:
        """See `SteppedCell.project`."""
        products: Tensor = self.W(inputs)
        return products if self.has_projection else torch.cat([products, inputs], dim=-1)

    def advance(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """See `SteppedCell.advance`."""
        _, c = state
        candidate, f, r, x = projected.chunk(4, dim=-1)
        (v_f, v_r), (b_f, b_r) = self.v, self.b
        f = torch.sigmoid(f + v_f * c + b_f)
        r = torch.sigmoid(r + v_r * c + b_r)
        c = f * c + (1 - f) * candidate
        return r * c + (1 - r) * x, c

    def memory_biases(self) -> MemoryBiases:
        """See `Cell.memory_biases`."""
        return MemoryBiases(keep=self.b[0], write=None)
