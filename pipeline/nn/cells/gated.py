"""GRU and LSTM, whose weights and kernels are torch's."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.nn.cells.base import MemoryBiases, State, SteppedCell
from pipeline.nn.dropout import scaled_mask
from pipeline.nn.recurrence import gru_recurrence, lstm_recurrence


class _TorchCell(SteppedCell):
    """A cell whose weights, and whose kernel on a GPU and outside training, are torch's.

    Args:
        input_size: I.
        hidden_size: H.
        rnn: torch's, of one layer.
        weight_dropout: Probability with which an entry of W_hh is zeroed in training, the same at
            all time steps of a batch (DropConnect on W_hh, Merity et al. 2018).
    """

    def __init__(
        self, input_size: int, hidden_size: int, rnn: nn.RNNBase, weight_dropout: float
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = rnn
        self.weight_dropout = weight_dropout
        nn.init.xavier_uniform_(rnn.get_parameter("weight_ih_l0"))
        nn.init.zeros_(rnn.get_parameter("bias_ih_l0"))
        nn.init.zeros_(rnn.get_parameter("bias_hh_l0"))
        with torch.no_grad():
            for matrix in self.recurrent_matrices():
                nn.init.orthogonal_(matrix)

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """See `Cell.forward`."""
        on_cpu = inputs.device.type == "cpu"
        if (on_cpu and (torch.is_grad_enabled() or self._lacks_kernel())) or self._drops_weights():
            return self._run_by_hand(inputs, state)
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

    def recurrent_matrices(self) -> Sequence[Float[Tensor, "H H"]]:
        """See `Cell.recurrent_matrices`."""
        weights = self.rnn.get_parameter("weight_hh_l0")
        return weights.chunk(weights.shape[0] // self.hidden_size)

    def _drops_weights(self) -> bool:
        return self.training and self.weight_dropout > 0

    def _dropped(self, W_hh: Tensor) -> Tensor:
        if not self._drops_weights():
            return W_hh
        return W_hh * scaled_mask(W_hh.shape, self.weight_dropout, like=W_hh)

    @abstractmethod
    def _run_by_hand(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """The same numbers by `pipeline.nn.recurrence`, whose gradient is faster than torch's."""

    def _lacks_kernel(self) -> bool:
        """Whether torch cannot run this cell on this processor as it is asked to."""
        return False


@final
class GRUCell(_TorchCell):
    """The gated recurrent unit (Cho et al. 2014), with torch's reset gate after the product."""

    num_state_parts = 1

    def __init__(self, input_size: int, hidden_size: int, *, weight_dropout: float = 0.0) -> None:
        rnn = nn.GRU(input_size, hidden_size, batch_first=True)
        super().__init__(input_size, hidden_size, rnn, weight_dropout)

    def _run_by_hand(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        W_ih, W_hh, b_ih, b_hh = self.rnn.parameters()
        projected = nn.functional.linear(inputs.transpose(0, 1), W_ih, b_ih)
        outputs = gru_recurrence(projected, state[0], self._dropped(W_hh), b_hh)
        return outputs.transpose(0, 1), (outputs[-1],)

    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows G"]:
        """See `SteppedCell.project`."""
        W_ih, _, b_ih, _ = self.rnn.parameters()
        return nn.functional.linear(inputs, W_ih, b_ih)

    def advance(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """See `SteppedCell.advance`."""
        (h,), size = state, self.hidden_size
        _, W_hh, _, b_hh = self.rnn.parameters()
        recurrent = nn.functional.linear(h, W_hh, b_hh)
        gates = torch.sigmoid(projected[:, : 2 * size] + recurrent[:, : 2 * size])
        r, z = gates.chunk(2, dim=-1)
        n = torch.tanh(torch.addcmul(projected[:, 2 * size :], r, recurrent[:, 2 * size :]))
        return (torch.lerp(n, h, z),)

    def memory_biases(self) -> MemoryBiases:
        """See `Cell.memory_biases`; z keeps in torch's GRU."""
        return MemoryBiases(keep=self.rnn.get_parameter("bias_ih_l0").chunk(3)[1], write=None)


@final
class LSTMCell(_TorchCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate by Gers et al. 2000).

    The forget gate's bias begins at 1, so that a memory lasts at first (Jozefowicz et al. 2015).
    """

    num_state_parts = 2

    def __init__(self, input_size: int, hidden_size: int, *, weight_dropout: float = 0.0) -> None:
        rnn = nn.LSTM(input_size, hidden_size, batch_first=True)
        super().__init__(input_size, hidden_size, rnn, weight_dropout)
        with torch.no_grad():
            b_ih = self.rnn.get_parameter("bias_ih_l0")
            b_ih[hidden_size : 2 * hidden_size] = 1.0

    def _run_by_hand(
        self, inputs: Float[Tensor, "B T I"], state: State
    ) -> tuple[Float[Tensor, "B T H"], State]:
        W_ih, W_hh, b_ih, b_hh = self.rnn.parameters()
        projected = nn.functional.linear(inputs.transpose(0, 1), W_ih, b_ih + b_hh)
        h_0, c_0 = state
        outputs, c = lstm_recurrence(projected, h_0, c_0, self._dropped(W_hh))
        return outputs.transpose(0, 1), (outputs[-1], c)

    def project(self, inputs: Float[Tensor, "*rows I"]) -> Float[Tensor, "*rows G"]:
        """See `SteppedCell.project`."""
        W_ih, _, b_ih, b_hh = self.rnn.parameters()
        return nn.functional.linear(inputs, W_ih, b_ih + b_hh)

    def advance(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """See `SteppedCell.advance`."""
        h, c = state
        gates = torch.addmm(projected, h, self.rnn.get_parameter("weight_hh_l0").t())
        i, f, g, o = gates.chunk(4, dim=-1)
        c = torch.addcmul(torch.sigmoid(i) * torch.tanh(g), torch.sigmoid(f), c)
        return torch.sigmoid(o) * torch.tanh(c), c

    def _lacks_kernel(self) -> bool:
        """See `_TorchCell`: oneDNN has no bfloat16 LSTM for processors without AVX-512."""
        in_bf16 = torch.is_autocast_enabled("cpu")
        return in_bf16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported()

    def memory_biases(self) -> MemoryBiases:
        """See `Cell.memory_biases`."""
        i, f, _, _ = self.rnn.get_parameter("bias_ih_l0").chunk(4)
        return MemoryBiases(keep=f, write=i)
