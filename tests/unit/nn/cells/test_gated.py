import math

import pytest
import torch

from pipeline.nn.cells import GRUCell, LSTMCell
from tests.unit.nn.cells.building import INPUT_SIZE

kinds = pytest.mark.parametrize("kind", [GRUCell, LSTMCell])


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


@kinds
def test_the_matrix_of_the_state_loses_entries_in_training_alone(
    kind: type[GRUCell] | type[LSTMCell],
) -> None:
    torch.manual_seed(3)
    cell = kind(3, 16, weight_dropout=0.5)
    inputs = torch.randn(2, 5, 3)
    state = cell.initial_state(inputs)
    with torch.no_grad():
        first, again = cell(inputs, state)[0], cell(inputs, state)[0]
        # The first step has no state to multiply with: there is nothing to drop.
        torch.testing.assert_close(first[:, 0], again[:, 0], rtol=0, atol=1e-6)
        assert not torch.allclose(first[:, 1:], again[:, 1:])
        cell.eval()
        plain = kind(3, 16).eval()
        plain.load_state_dict(cell.state_dict())
        torch.testing.assert_close(cell(inputs, state)[0], plain(inputs, state)[0])


@kinds
def test_the_gradient_of_a_dropped_entry_is_zero(kind: type[GRUCell] | type[LSTMCell]) -> None:
    torch.manual_seed(3)
    cell = kind(3, 16, weight_dropout=0.25)
    inputs = torch.randn(4, 5, 3)
    cell(inputs, cell.initial_state(inputs))[0].sum().backward()
    gradient = cell.rnn.get_parameter("weight_hh_l0").grad
    assert gradient is not None
    assert 0.15 < float((gradient == 0).float().mean()) < 0.35
