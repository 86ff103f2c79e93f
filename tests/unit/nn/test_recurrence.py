from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from pipeline.nn.cells import CELLS, Cell
from pipeline.nn.config import CellName
from pipeline.nn.recurrence import gru_recurrence, lstm_recurrence

NUM_ROWS, NUM_STEPS, INPUT_SIZE = 3, 7, 4
gated_cells = pytest.mark.parametrize("name", ["gru", "lstm"])
# The memory of an LSTM is kept in float32, whatever the inputs are.
TOLERANCE = {"gru": 1e-6, "lstm": 1e-5}


def build(name: CellName, hidden_size: int, dtype: torch.dtype = torch.float64) -> Cell:
    torch.manual_seed(7)
    cell = CELLS[name](INPUT_SIZE, hidden_size).to(dtype)
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=0.5)
    return cell


def leaves(cell: Cell) -> list[Tensor]:
    """The inputs, then the parts of the first state."""
    dtype = next(cell.parameters()).dtype
    shapes: list[tuple[int, ...]] = [(NUM_ROWS, NUM_STEPS, INPUT_SIZE)]
    shapes += [(NUM_ROWS, cell.hidden_size)] * cell.num_state_parts
    return [torch.randn(*shape, dtype=dtype, requires_grad=True) for shape in shapes]


def torchs_own(cell: Cell, inputs: Tensor, state: Sequence[Tensor]) -> list[Tensor]:
    rnn = cell.get_submodule("rnn")
    layers = tuple(part.unsqueeze(0) for part in state)
    outputs, last = rnn(inputs, layers if len(layers) > 1 else layers[0])
    parts = last if isinstance(last, tuple) else (last,)
    return [outputs, *(part.squeeze(0) for part in parts)]


def ours(cell: Cell, inputs: Tensor, state: Sequence[Tensor]) -> list[Tensor]:
    outputs, last = cell(inputs, tuple(state))
    return [outputs, *last]


def gradients(cell: Cell, results: list[Tensor], wanted: list[Tensor]) -> list[Tensor]:
    """Of a sum in which every number of every result has a weight of its own."""
    generator = torch.Generator().manual_seed(11)
    total = torch.zeros(())
    for result in results:
        weights = torch.randn(result.shape, generator=generator, dtype=torch.float64)
        total = total + (result * weights.to(result.dtype)).sum()
    return list(torch.autograd.grad(total, [*wanted, *cell.parameters()]))


@gated_cells
@pytest.mark.parametrize("hidden_size", [1, 5, 8])
def test_outputs_states_and_gradients_are_those_of_torchs_kernel(
    name: CellName, hidden_size: int
) -> None:
    cell = build(name, hidden_size)
    inputs, *state = wanted = leaves(cell)
    results = ours(cell, inputs, state)
    expected = torchs_own(cell, inputs, state)
    torch.testing.assert_close(results, expected, rtol=TOLERANCE[name], atol=TOLERANCE[name])
    torch.testing.assert_close(
        gradients(cell, results, wanted),
        gradients(cell, expected, wanted),
        rtol=TOLERANCE[name],
        atol=TOLERANCE[name],
    )


@gated_cells
@pytest.mark.parametrize("used", [0, 1])
def test_gradients_are_torchs_where_only_one_result_is_used(name: CellName, used: int) -> None:
    cell = build(name, 5)
    inputs, *state = wanted = leaves(cell)
    torch.testing.assert_close(
        gradients(cell, ours(cell, inputs, state)[used : used + 1], wanted),
        gradients(cell, torchs_own(cell, inputs, state)[used : used + 1], wanted),
        rtol=TOLERANCE[name],
        atol=TOLERANCE[name],
    )


def test_the_gradient_of_the_last_memory_alone_is_torchs() -> None:
    cell = build("lstm", 5)
    inputs, *state = wanted = leaves(cell)
    torch.testing.assert_close(
        gradients(cell, ours(cell, inputs, state)[2:], wanted),
        gradients(cell, torchs_own(cell, inputs, state)[2:], wanted),
        rtol=1e-5,
        atol=1e-5,
    )


def test_gru_gradients_are_numerical_gradients() -> None:
    torch.manual_seed(0)
    size = 3
    shapes = [(4, 2, 3 * size), (2, size), (3 * size, size), (3 * size,)]
    arguments = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(gru_recurrence, arguments)


def test_lstm_gradients_are_numerical_gradients_within_float32() -> None:
    torch.manual_seed(0)
    size = 3
    shapes = [(4, 2, 4 * size), (2, size), (2, size), (4 * size, size)]
    arguments = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    # The memory is rounded to float32: a difference over 2e-3 is exact to about 1e-4.
    assert torch.autograd.gradcheck(
        lstm_recurrence, arguments, eps=1e-3, atol=1e-3, rtol=1e-2, nondet_tol=1e-9
    )


@gated_cells
def test_a_sequence_of_one_step_has_torchs_gradients(name: CellName) -> None:
    cell = build(name, 5)
    inputs, *state = leaves(cell)
    first = inputs[:, :1].detach().requires_grad_()
    wanted = [first, *state]
    torch.testing.assert_close(
        gradients(cell, ours(cell, first, state), wanted),
        gradients(cell, torchs_own(cell, first, state), wanted),
        rtol=TOLERANCE[name],
        atol=TOLERANCE[name],
    )


@gated_cells
def test_bf16_autocast_is_close_to_float32(name: CellName) -> None:
    cell = build(name, 16, torch.float32)
    inputs, *state = wanted = leaves(cell)
    expected = ours(cell, inputs, state)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        results = ours(cell, inputs, state)
    assert results[0].dtype == torch.bfloat16
    for result, exact in zip(results, expected, strict=True):
        # 8 bits: an output of size 1 is off by 0.004, and seven steps add up.
        torch.testing.assert_close(result.float(), exact, rtol=0.05, atol=0.05)
    exact_gradients = gradients(cell, expected, wanted)
    for gradient, exact in zip(gradients(cell, results, wanted), exact_gradients, strict=True):
        assert gradient.dtype == torch.float32
        assert float((gradient - exact).norm()) < 0.05 * float(exact.norm())
