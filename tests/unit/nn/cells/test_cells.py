"""What holds for every cell."""

from typing import get_args

import pytest
import torch

from pipeline.nn.cells import CELLS
from pipeline.nn.config import CellName
from tests.unit.nn.cells.building import INPUT_SIZE, build, sequence, unrolled

cells = pytest.mark.parametrize("name", get_args(CellName))
hidden_sizes = pytest.mark.parametrize("hidden_size", [1, INPUT_SIZE, 4, 7])


def test_every_name_of_a_configuration_has_its_cell() -> None:
    assert set(CELLS) == set(get_args(CellName))


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


@cells
def test_every_gates_recurrent_matrix_begins_orthogonal(name: CellName) -> None:
    for matrix in CELLS[name](INPUT_SIZE, 6).recurrent_matrices():
        torch.testing.assert_close(matrix @ matrix.t(), torch.eye(6), rtol=0, atol=1e-5)


# Not dt_gru: the transitions after the first change what it keeps.
@pytest.mark.parametrize("name", ["gru", "lstm", "ln_lstm", "mingru", "minlstm", "sru"])
def test_a_wide_open_gate_keeps_the_memory_as_it_was(name: CellName) -> None:
    cell = build(name, 4)
    biases = cell.memory_biases()
    assert biases is not None
    inputs, state = sequence(cell, num_steps=1)
    with torch.no_grad():
        if biases.keep is not None:
            biases.keep.fill_(100.0)
        if biases.write is not None:
            biases.write.fill_(-100.0)
        _, last = cell(inputs, state)
    # The last part of a state is the memory; where there is one part, the state itself.
    torch.testing.assert_close(last[-1], state[-1], rtol=0, atol=1e-9)


@cells
def test_gradients_are_those_of_the_steps(name: CellName) -> None:
    cell = build(name, 4)
    inputs, state = sequence(cell)
    inputs.requires_grad_()
    wanted = (inputs, *cell.parameters())
    outputs, last = cell(inputs, state)
    weights = torch.randn_like(outputs)
    loss = (outputs * weights).sum() + last[-1].square().sum()
    whole = torch.autograd.grad(loss, wanted)
    outputs, last = unrolled(cell, inputs, state)
    loss = (outputs * weights).sum() + last[-1].square().sum()
    steps = torch.autograd.grad(loss, wanted)
    torch.testing.assert_close(whole, steps, rtol=0, atol=1e-6)  # some sums are in float32


@cells
def test_inference_under_bf16_autocast_is_close_to_float32(name: CellName) -> None:
    cell = build(name, 8).float()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.mul_(0.5)  # as large as trained ones are: no state grows without end
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
