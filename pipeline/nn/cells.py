"""Recurrent cells: one layer, one direction, as a whole-sequence run and as a single step.

A cell's state is a tuple of (B, H) tensors whose first part is the hidden state h_t, which is also
the output. What else a cell remembers (the memory of an LSTM) stands behind it, so that encoder,
decoder and decoding handle every cell alike.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.config import CellName
from pipeline.nn.recurrence import gru_recurrence, lstm_recurrence

State = tuple[Float[Tensor, "B H"], ...]


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


@final
class ElmanCell(Cell):
    """The vanilla RNN (Elman 1990): h_t = tanh(h_{t-1} W_hh + x_t W_xh).

    The same W_xh and W_hh serve every time step. The third matrix of the equations, W_hy in
    y_t = W_hy h_t, reads the state out and is the layer above: the decoder's softmax matrix.
    """

    num_state_parts = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W_xh = nn.Parameter(nn.init.xavier_uniform_(torch.empty(input_size, hidden_size)))
        self.W_hh = nn.Parameter(nn.init.orthogonal_(torch.empty(hidden_size, hidden_size)))

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """See `Cell.forward`."""
        projected = inputs @ self.W_xh  # no recurrence in it: one product for all time steps
        (h,) = state
        outputs = []
        for x_t in projected.unbind(dim=1):
            h = torch.tanh(h @ self.W_hh + x_t)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h,)

    def step(
        self, inputs: Float[Tensor, "B I"], state: State
    ) -> tuple[Float[Tensor, "B H"], State]:
        """See `Cell.step`."""
        (h,) = state
        h = torch.tanh(h @ self.W_hh + inputs @ self.W_xh)
        return h, (h,)


class _TorchCell(Cell):
    """A cell whose weights, and whose kernel on a GPU and outside training, are torch's."""

    def __init__(self, input_size: int, hidden_size: int, rnn: nn.RNNBase) -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = rnn
        for name, parameter in rnn.named_parameters():
            if name.startswith("weight_hh"):
                for gate in parameter.chunk(parameter.shape[0] // hidden_size):
                    nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """See `Cell.forward`."""
        if inputs.device.type == "cpu" and torch.is_grad_enabled():
            return self._train_on_cpu(inputs, state)
        layers = [part.unsqueeze(0) for part in state]
        outputs, last = self.rnn(inputs, tuple(layers) if len(layers) > 1 else layers[0])
        parts = last if isinstance(last, tuple) else (last,)
        return outputs, tuple(part.squeeze(0) for part in parts)

    def step(
        self, inputs: Float[Tensor, "B I"], state: State
    ) -> tuple[Float[Tensor, "B H"], State]:
        """See `Cell.step`."""
        outputs, state = self(inputs.unsqueeze(1), state)
        return outputs.squeeze(1), state

    @abstractmethod
    def _train_on_cpu(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """The same numbers by `pipeline.nn.recurrence`, whose gradient is faster than torch's."""


@final
class GRUCell(_TorchCell):
    """The gated recurrent unit (Cho et al. 2014), with torch's reset gate after the product."""

    num_state_parts = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, nn.GRU(input_size, hidden_size, batch_first=True))

    def _train_on_cpu(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        W_ih, W_hh, b_ih, b_hh = self.rnn.parameters()
        projected = nn.functional.linear(inputs.transpose(0, 1), W_ih, b_ih)
        outputs = gru_recurrence(projected, state[0], W_hh, b_hh)
        return outputs.transpose(0, 1), (outputs[-1],)


@final
class LSTMCell(_TorchCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate by Gers et al. 2000).

    The forget gate's bias begins at 1, so that a memory lasts at first (Jozefowicz et al. 2015).
    """

    num_state_parts = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(
            input_size, hidden_size, nn.LSTM(input_size, hidden_size, batch_first=True)
        )
        with torch.no_grad():
            b_ih = self.rnn.get_parameter("bias_ih_l0")
            b_ih[hidden_size : 2 * hidden_size] = 1.0

    def _train_on_cpu(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        W_ih, W_hh, b_ih, b_hh = self.rnn.parameters()
        projected = nn.functional.linear(inputs.transpose(0, 1), W_ih, b_ih + b_hh)
        h_0, c_0 = state
        outputs, c = lstm_recurrence(projected, h_0, c_0, W_hh)
        return outputs.transpose(0, 1), (outputs[-1], c)


CELLS: dict[CellName, type[Cell]] = {"elman": ElmanCell, "gru": GRUCell, "lstm": LSTMCell}
