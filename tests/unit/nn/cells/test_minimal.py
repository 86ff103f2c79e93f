import math

import numpy as np
import pytest
import torch

from pipeline.nn.cells import MinGRUCell, MinLSTMCell
from pipeline.nn.cells.minimal import log_g
from pipeline.nn.config import CellName
from tests.unit.nn.cells.building import Array, array, build, sequence, sigmoid, unrolled

minimal_cells = pytest.mark.parametrize("name", ["mingru", "minlstm"])


def _g(x: Array) -> Array:
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def test_min_gru_is_the_papers_equations() -> None:
    cell = build("mingru", 4)
    assert isinstance(cell, MinGRUCell)
    inputs, state = sequence(cell)
    outputs, _ = cell(inputs, state)
    x, h = array(inputs), array(state[0])
    W, b = array(cell.W_xh.weight), array(cell.W_xh.bias)
    for t in range(x.shape[1]):
        z, candidate = np.split(x[:, t] @ W.T + b, 2, axis=-1)
        h = (1 - sigmoid(z)) * h + sigmoid(z) * _g(candidate)
        np.testing.assert_allclose(array(outputs[:, t]), h, rtol=0, atol=1e-9)


def test_min_lstm_is_the_papers_equations() -> None:
    cell = build("minlstm", 4)
    assert isinstance(cell, MinLSTMCell)
    inputs, state = sequence(cell)
    outputs, _ = cell(inputs, state)
    x, h = array(inputs), array(state[0])
    W, b = array(cell.W_xh.weight), array(cell.W_xh.bias)
    for t in range(x.shape[1]):
        f, i, candidate = np.split(x[:, t] @ W.T + b, 3, axis=-1)
        f, i = sigmoid(f), sigmoid(i)
        h = f / (f + i) * h + i / (f + i) * _g(candidate)
        np.testing.assert_allclose(array(outputs[:, t]), h, rtol=0, atol=1e-9)


@minimal_cells
def test_two_thousand_steps_in_float32_are_those_of_the_loop(name: CellName) -> None:
    cell = build(name, 8).float()
    inputs = torch.randn(2, 2000, cell.input_size)
    outputs, _ = cell(inputs, cell.initial_state(inputs))
    expected, _ = unrolled(cell, inputs, cell.initial_state(inputs))
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-5)


@minimal_cells
def test_extreme_gates_give_numbers(name: CellName) -> None:
    cell = build(name, 4).float()
    inputs = 1e4 * torch.randn(2, 50, cell.input_size)
    inputs.requires_grad_()
    outputs, _ = cell(inputs, cell.initial_state(inputs))
    outputs.sum().backward()
    assert outputs.isfinite().all()
    assert inputs.grad is not None
    assert inputs.grad.isfinite().all()


def test_g_by_hand() -> None:
    x = torch.tensor([-200.0, 0.0, 2.0], dtype=torch.float64)
    # g(0) = 0 + 1/2, g(2) = 2 + 1/2; far below 0, log σ(x) is x.
    expected = torch.tensor([-200.0, math.log(0.5), math.log(2.5)], dtype=torch.float64)
    torch.testing.assert_close(log_g(x), expected)
