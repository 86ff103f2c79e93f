"""What every recurrent cell is: one layer, one direction, a whole-sequence run and a single step.

A cell's state is a tuple of (B, H) tensors whose first part is the hidden state h_t, which is also
the output. What else a cell remembers (the memory of an LSTM) stands behind it, so that encoder,
decoder and decoding handle every cell alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = tuple[Float[Tensor, "B H"], ...]


class MemoryBiases(NamedTuple):
    """The biases that decide how long a cell remembers, as views to be written into.

    Attributes:
        keep: Of the gate that keeps what was there: the larger, the longer it stays.
        write: Of the gate that lets something new in: the larger, the sooner the old is gone.
            One of the two is None where a single gate does both.
    """

    keep: Float[Tensor, " H"] | None
    write: Float[Tensor, " H"] | None


class Cell(nn.Module, ABC):
    """What encoder and decoder ask of a recurrent layer."""

    num_state_parts: ClassVar[int]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size

    @abstractmethod
    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """Run over a whole sequence; the state returned is that after the last time step."""

    @abstractmethod
    def step(
        self, inputs: Float[Tensor, "B I"], state: State
    ) -> tuple[Float[Tensor, "B H"], State]:
        """Run one time step."""

    def initial_state(self, inputs: Float[Tensor, "B ..."]) -> State:
        """Zeros, for a batch like `inputs`."""
        zeros = inputs.new_zeros(inputs.shape[0], self.hidden_size)
        return (zeros,) * self.num_state_parts

    def recurrent_matrices(self) -> Sequence[Float[Tensor, "H H"]]:
        """The square matrices that h_{t-1} is multiplied with, a gate each; none where none are."""
        return ()

    def memory_biases(self) -> MemoryBiases | None:
        """The biases of the gates that keep and write; None where there are no such gates."""
        return None


def at_least_float32(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The values in a precision that what adds up over time, or is normalised, can live with."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class SteppedCell(Cell):
    """A cell whose run is its step, repeated: what does not recur is one product for all steps."""

    @abstractmethod
    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows G"]:
        """The part of a time step that needs its input alone."""

    @abstractmethod
    def advance(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """The state after a time step, given what `project` made of its input."""

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """See `Cell.forward`."""
        outputs = []
        for projected in self.project(inputs).unbind(dim=1):
            state = self.advance(projected, state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state

    def step(
        self, inputs: Float[Tensor, "B I"], state: State
    ) -> tuple[Float[Tensor, "B H"], State]:
        """See `Cell.step`."""
        state = self.advance(self.project(inputs), state)
        return state[0], state
