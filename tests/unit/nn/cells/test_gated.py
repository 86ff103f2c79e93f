import math

import pytest
import torch

from pipeline.nn.cells import LSTMCell
from tests.unit.nn.cells.building import INPUT_SIZE


def test_lstm_by_hand() -> None:
    cell = LSTMCell(1, 1)
    # The gates in torch's order: i, f, g, o; each a x + b h + bias.
    cell.rnn.get_parameter("weight_ih_l0").data = torch.tensor([[1.0], [2.0], [3.0], [-1.0]])
    cell.rnn.get_parameter("weight_hh_l0").data = torch.tensor([[0.5], [0.0], [-0.5], [1.0]])
    cell.rnn.get_parameter("bias_ih_l0").data = torch.tensor([0.0, 1.0, 0.0, 0.0])
    cell.rnn.get_parameter("bias_hh_l0").data = torch.zeros(4)
    x, h_0, c_0 = 0.5, 0.2, -0.4

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    c = sigmoid(2 * x + 1) * c_0 + sigmoid(x + 0.5 * h_0) * math.tanh(3 * x - 0.5 * h_0)
    h = sigmoid(-x + h_0) * math.tanh(c)
    output, state = cell.step(torch.tensor([[x]]), (torch.tensor([[h_0]]), torch.tensor([[c_0]])))
    assert output.item() == pytest.approx(h, abs=1e-6)
    assert [part.item() for part in state] == pytest.approx([h, c], abs=1e-6)


def test_only_the_forget_gates_bias_begins_at_one() -> None:
    rnn = LSTMCell(INPUT_SIZE, 2).rnn
    bias = rnn.get_parameter("bias_ih_l0") + rnn.get_parameter("bias_hh_l0")
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
