from typing import Literal

import pytest
import torch
from torch import nn

from pipeline.nn.cells import ElmanCell, IRNNCell, State
from pipeline.nn.config import CellName
from tests.unit.nn.cells.building import INPUT_SIZE, build, sequence

hidden_sizes = pytest.mark.parametrize("hidden_size", [1, 4, 7])


@hidden_sizes
@pytest.mark.parametrize(("name", "nonlinearity"), [("elman", "tanh"), ("irnn", "relu")])
def test_it_is_torchs_rnn_without_bias(
    name: CellName, nonlinearity: Literal["tanh", "relu"], hidden_size: int
) -> None:
    cell = build(name, hidden_size)
    assert isinstance(cell, ElmanCell | IRNNCell)
    rnn = nn.RNN(
        INPUT_SIZE, hidden_size, nonlinearity=nonlinearity, bias=False, batch_first=True
    ).double()
    rnn.get_parameter("weight_ih_l0").data = cell.W_xh.detach().t().contiguous()
    rnn.get_parameter("weight_hh_l0").data = cell.W_hh.detach().t().contiguous()
    inputs, (h_0,) = sequence(cell)
    expected, expected_last = rnn(inputs, h_0.unsqueeze(0))
    outputs, (last,) = cell(inputs, (h_0,))
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(last, expected_last.squeeze(0), rtol=0, atol=1e-6)


@hidden_sizes
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_with_a_bias_it_is_torchs_rnn_with_one(
    nonlinearity: Literal["tanh", "relu"], hidden_size: int
) -> None:
    torch.manual_seed(1)
    kind = ElmanCell if nonlinearity == "tanh" else IRNNCell
    cell = kind(INPUT_SIZE, hidden_size, bias=True).double()
    assert cell.b_h is not None
    cell.b_h.data.normal_()
    rnn = nn.RNN(INPUT_SIZE, hidden_size, nonlinearity=nonlinearity, batch_first=True).double()
    rnn.get_parameter("weight_ih_l0").data = cell.W_xh.detach().t().contiguous()
    rnn.get_parameter("weight_hh_l0").data = cell.W_hh.detach().t().contiguous()
    rnn.get_parameter("bias_ih_l0").data = cell.b_h.detach().clone()
    rnn.get_parameter("bias_hh_l0").data.zero_()
    inputs, (h_0,) = sequence(cell)
    expected, _ = rnn(inputs, h_0.unsqueeze(0))
    outputs, _ = cell(inputs, (h_0,))
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)
    step, _ = cell.step(inputs[:, 0], (h_0,))
    torch.testing.assert_close(step, expected[:, 0], rtol=0, atol=1e-6)


def test_elman_by_hand() -> None:
    cell = ElmanCell(1, 2)
    cell.W_xh.data = torch.tensor([[1.0, -2.0]])
    cell.W_hh.data = torch.tensor([[0.0, 1.0], [0.5, 0.0]])
    outputs, (last,) = cell(torch.tensor([[[1.0], [0.5]]]), (torch.zeros(1, 2),))
    # h_1 = tanh([1, -2])                                 = [0.761594, -0.964028]
    # h_1 W_hh = [0.5 * -0.964028, 0.761594]              = [-0.482014, 0.761594]
    # h_2 = tanh([-0.482014 + 0.5, 0.761594 - 1.0])       = [0.017984, -0.233989]
    expected = torch.tensor([[[0.761594, -0.964028], [0.017984, -0.233989]]])
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(last, expected[:, 1], rtol=0, atol=1e-6)


def test_elman_has_two_matrices_and_no_bias() -> None:
    shapes = {name: tuple(p.shape) for name, p in ElmanCell(3, 5).named_parameters()}
    assert shapes == {"W_xh": (3, 5), "W_hh": (5, 5)}


def test_a_state_of_an_irnn_is_kept_as_it_is_at_first() -> None:
    cell = IRNNCell(INPUT_SIZE, 4)
    state: State = (torch.tensor([[0.0, 1.0, 2.0, 3.0]]),)
    for _ in range(100):
        _, state = cell.step(torch.zeros(1, INPUT_SIZE), state)
    assert state[0].tolist() == [[0.0, 1.0, 2.0, 3.0]]
