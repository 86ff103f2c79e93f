"""Cells with random weights, and sequences for them, in float64."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.nn.cells import CELLS, Cell, State
from pipeline.nn.config import CellName

INPUT_SIZE = 3

Array = NDArray[np.float64]


def build(name: CellName, hidden_size: int, *, input_size: int = INPUT_SIZE) -> Cell:
    torch.manual_seed(5)
    cell = CELLS[name](input_size, hidden_size).double()
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


def array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().numpy(), dtype=np.float64)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))
