"""The GRU with a deep transition: several updates of the state between one input and the next."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.cells.base import MemoryBiases, State, SteppedCell

_NUM_TRANSITIONS = 2


@final
class DeepTransitionGRUCell(SteppedCell):
    """GRU updates in a chain, of which only the first sees the input (Miceli Barone et al. 2017).

    s_{t,1} = GRU_1(x_t, s_{t-1,L}),   s_{t,k} = GRU_k(0, s_{t,k-1}) for k = 2 … L;   h_t = s_{t,L}

    (section 2.3.1 there; L is 2 here). The depth is in the recurrence itself: a step has several
    nonlinear updates, which stacked layers give a step only from below.
    """

    num_state_parts = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W_xh = nn.Linear(input_size, 3 * hidden_size)
        self.transitions = nn.ModuleList(
            nn.Linear(hidden_size, 3 * hidden_size) for _ in range(_NUM_TRANSITIONS)
        )
        # What the input would add to the gates of the transitions that see none.
        self.biases = nn.Parameter(torch.zeros(_NUM_TRANSITIONS - 1, 3 * hidden_size))
        nn.init.xavier_uniform_(self.W_xh.weight)
        nn.init.zeros_(self.W_xh.bias)
        with torch.no_grad():
            for matrix in self.recurrent_matrices():
                nn.init.orthogonal_(matrix)
            for transition in self.transitions:
                nn.init.zeros_(transition.get_parameter("bias"))

    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows G"]:
        """See `SteppedCell.project`."""
        projected: Tensor = self.W_xh(inputs)
        return projected

    def advance(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """See `SteppedCell.advance`."""
        (h,) = state
        for transition, inputs in zip(self.transitions, (projected, *self.biases), strict=True):
            x_r, x_z, x_n = inputs.chunk(3, dim=-1)
            h_r, h_z, h_n = transition(h).chunk(3, dim=-1)
            r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
            n = torch.tanh(x_n + r * h_n)
            h = (1 - z) * n + z * h
        return (h,)

    def recurrent_matrices(self) -> Sequence[Float[Tensor, "H H"]]:
        """See `Cell.recurrent_matrices`."""
        return [
            matrix
            for transition in self.transitions
            for matrix in transition.get_parameter("weight").chunk(3)
        ]

    def memory_biases(self) -> MemoryBiases:
        """Of the first transition; the others keep what it made."""
        return MemoryBiases(keep=self.W_xh.bias.chunk(3)[1], write=None)
