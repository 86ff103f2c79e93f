"""minGRU and minLSTM (Feng et al. 2024): gates that see the input alone, so that time is no loop.

Without h_{t-1} in the gates, h_t = a_t h_{t-1} + b_t with a_t and b_t known for all steps at once:
a linear recurrence, which `pipeline.nn.scan` runs in parallel over time. Gates are made from their
logarithms, as in the paper's appendix B, so that neither 1 - z nor f / (f + i) loses digits.
"""

from abc import abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from pipeline.nn.cells.base import Cell, MemoryBiases, State, at_least_float32
from pipeline.nn.scan import linear_recurrence


class _MinimalCell(Cell):
    """h_t = a_t h_{t-1} + b_t, where a_t and b_t are functions of x_t."""

    num_state_parts = 1

    def __init__(self, input_size: int, hidden_size: int, *, num_products: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W_xh = nn.Linear(input_size, num_products * hidden_size)
        nn.init.xavier_uniform_(self.W_xh.weight)
        nn.init.zeros_(self.W_xh.bias)

    @abstractmethod
    def coefficients(
        self, inputs: Float[Tensor, "*rows I"]
    ) -> tuple[Float[Tensor, "*rows H"], Float[Tensor, "*rows H"]]:
        """a_t and b_t."""

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """See `Cell.forward`."""
        decays, additions = self.coefficients(inputs)
        outputs = linear_recurrence(decays, additions, state[0].to(decays.dtype))
        outputs = outputs.to(state[0].dtype)
        return outputs, (outputs[:, -1],)

    def step(
        self, inputs: Float[Tensor, "B I"], state: State
    ) -> tuple[Float[Tensor, "B H"], State]:
        """See `Cell.step`."""
        decay, addition = self.coefficients(inputs)
        h = (decay * state[0] + addition).to(state[0].dtype)
        return h, (h,)


@final
class MinGRUCell(_MinimalCell):
    """z = σ(W_z x),  h_t = (1 - z) h_{t-1} + z g(W_h x) (Feng et al. 2024, section 3.1)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, num_products=2)

    def coefficients(
        self, inputs: Float[Tensor, "*rows I"]
    ) -> tuple[Float[Tensor, "*rows H"], Float[Tensor, "*rows H"]]:
        """See `_MinimalCell.coefficients`."""
        z, candidate = at_least_float32(self.W_xh(inputs)).chunk(2, dim=-1)
        return torch.exp(-softplus(z)), torch.exp(log_g(candidate) - softplus(-z))

    def memory_biases(self) -> MemoryBiases:
        """See `Cell.memory_biases`."""
        return MemoryBiases(keep=None, write=self.W_xh.bias.chunk(2)[0])


@final
class MinLSTMCell(_MinimalCell):
    """f, i = σ(W_f x), σ(W_i x),  h_t = f/(f+i) h_{t-1} + i/(f+i) g(W_h x) (section 3.2 there)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, num_products=3)

    def coefficients(
        self, inputs: Float[Tensor, "*rows I"]
    ) -> tuple[Float[Tensor, "*rows H"], Float[Tensor, "*rows H"]]:
        """See `_MinimalCell.coefficients`."""
        f, i, candidate = at_least_float32(self.W_xh(inputs)).chunk(3, dim=-1)
        odds = softplus(-f) - softplus(-i)  # log(i / f)
        return torch.exp(-softplus(odds)), torch.exp(log_g(candidate) - softplus(-odds))

    def memory_biases(self) -> MemoryBiases:
        """See `Cell.memory_biases`."""
        f, i, _ = self.W_xh.bias.chunk(3)
        return MemoryBiases(keep=f, write=i)


def log_g(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Log g(x), where g(x) is x + 1/2 above 0 and σ(x) below: positive (appendix B.3 there)."""
    return torch.where(x >= 0, torch.log(torch.relu(x) + 0.5), -softplus(-x))
