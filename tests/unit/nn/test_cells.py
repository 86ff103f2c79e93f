import math
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from pipeline.nn.cells import CELLS, Cell, ElmanCell, LSTMCell, State
from pipeline.nn.config import CellName

INPUT_SIZE = 3
cells = pytest.mark.parametrize("name", get_args(CellName))
hidden_sizes = pytest.mark.parametrize("hidden_size", [1, 4, 7])


def build(name: CellName, hidden_size: int) -> Cell:
    torch.manual_seed(5)
    cell = CELLS[name](INPUT_SIZE, hidden_size).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=0.6)
    return cell


def sequence(cell: Cell, *, num_rows: int = 3, num_steps: int = 6) -> tuple[Tensor, State]:
    inputs = torch.randn(num_rows, num_steps, cell.input_size, dtype=torch.float64)
    state = tuple(
        torch.randn(num_rows, cell.hidden_size, dtype=torch.float64)
        for _ in range(cell.num_state_parts)
    )
    return inputs, state


def unrolled(cell: Cell, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    outputs = []
    for x_t in inputs.unbind(dim=1):
        output, state = cell.step(x_t, state)
        outputs.append(output)
    return torch.stack(outputs, dim=1), state


@cells
@hidden_sizes
@pytest.mark.parametrize("training", [True, False])
def test_steps_unrolled_are_the_whole_run(name: CellName, hidden_size: int, training: bool) -> None:
    cell = build(name, hidden_size)
    inputs, state = sequence(cell)
    with torch.set_grad_enabled(training):
        outputs, last = cell(inputs, state)
        step_outputs, step_last = unrolled(cell, inputs, state)
    torch.testing.assert_close(step_outputs, outputs, rtol=0, atol=1e-6)
    torch.testing.assert_close(step_last, last, rtol=0, atol=1e-6)


@cells
@hidden_sizes
def test_a_run_in_two_halves_is_the_whole_run(name: CellName, hidden_size: int) -> None:
    cell = build(name, hidden_size)
    inputs, state = sequence(cell)
    outputs, last = cell(inputs, state)
    first_half, state = cell(inputs[:, :2], state)
    second_half, halves_last = cell(inputs[:, 2:], state)
    torch.testing.assert_close(torch.cat([first_half, second_half], 1), outputs, rtol=0, atol=1e-6)
    torch.testing.assert_close(halves_last, last, rtol=0, atol=1e-6)


@cells
@hidden_sizes
def test_training_and_inference_give_the_same_numbers(name: CellName, hidden_size: int) -> None:
    cell = build(name, hidden_size)
    inputs, state = sequence(cell)
    outputs, last = cell(inputs, state)
    with torch.inference_mode():
        inference_outputs, inference_last = cell(inputs, state)
    torch.testing.assert_close(inference_outputs, outputs.detach(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        inference_last, tuple(part.detach() for part in last), rtol=0, atol=1e-6
    )


@cells
def test_the_first_part_of_the_state_is_the_last_output(name: CellName) -> None:
    cell = build(name, 4)
    outputs, last = cell(*sequence(cell))
    assert torch.equal(last[0], outputs[:, -1])
    assert len(last) == cell.num_state_parts


@cells
def test_the_initial_state_is_zero_in_every_part(name: CellName) -> None:
    cell = build(name, 4)
    inputs, _ = sequence(cell, num_rows=2)
    state = cell.initial_state(inputs)
    assert [part.tolist() for part in state] == [[[0.0] * 4] * 2] * cell.num_state_parts


@cells
def test_rows_do_not_see_each_other(name: CellName) -> None:
    cell = build(name, 4)
    inputs, state = sequence(cell)
    outputs, _ = cell(inputs, state)
    alone, _ = cell(inputs[1:2], tuple(part[1:2] for part in state))
    torch.testing.assert_close(alone, outputs[1:2], rtol=0, atol=1e-9)


@hidden_sizes
def test_elman_is_torchs_rnn_without_bias(hidden_size: int) -> None:
    cell = build("elman", hidden_size)
    assert isinstance(cell, ElmanCell)
    rnn = nn.RNN(INPUT_SIZE, hidden_size, bias=False, batch_first=True).double()
    rnn.get_parameter("weight_ih_l0").data = cell.W_xh.detach().t().contiguous()
    rnn.get_parameter("weight_hh_l0").data = cell.W_hh.detach().t().contiguous()
    inputs, (h_0,) = sequence(cell)
    expected, expected_last = rnn(inputs, h_0.unsqueeze(0))
    outputs, (last,) = cell(inputs, (h_0,))
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(last, expected_last.squeeze(0), rtol=0, atol=1e-6)


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


@cells
def test_every_gates_recurrent_matrix_begins_orthogonal(name: CellName) -> None:
    cell = CELLS[name](INPUT_SIZE, 6)
    matrices: list[Tensor] = [p for n, p in cell.named_parameters() if "hh" in n and p.dim() == 2]
    assert matrices
    for gate in torch.cat(matrices).detach().split(6):
        torch.testing.assert_close(gate @ gate.t(), torch.eye(6), rtol=0, atol=1e-5)


def test_only_the_forget_gates_bias_begins_at_one() -> None:
    rnn = LSTMCell(INPUT_SIZE, 2).rnn
    bias = rnn.get_parameter("bias_ih_l0") + rnn.get_parameter("bias_hh_l0")
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_elman_has_two_matrices_and_no_bias() -> None:
    shapes = {name: tuple(p.shape) for name, p in ElmanCell(3, 5).named_parameters()}
    assert shapes == {"W_xh": (3, 5), "W_hh": (5, 5)}


@cells
def test_inference_under_bf16_autocast_is_close_to_float32(name: CellName) -> None:
    cell = build(name, 8).float()
    inputs, state = sequence(cell)
    inputs, state = inputs.float(), tuple(part.float() for part in state)
    with torch.inference_mode():
        expected, _ = cell(inputs, state)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs, _ = cell(inputs, state)
            step_outputs, _ = unrolled(cell, inputs, state)
    # bfloat16 has 8 bits: an output of size 1 is off by 0.004, and the error grows step by step.
    torch.testing.assert_close(outputs.float(), expected, rtol=0, atol=0.05)
    torch.testing.assert_close(step_outputs.float(), expected, rtol=0, atol=0.05)
