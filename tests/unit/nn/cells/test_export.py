"""`torch.export` takes every cell: a step for any batch, a run for sequences of one length."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export

from pipeline.nn.cells import Cell
from pipeline.nn.config import CellName
from tests.unit.nn.cells.building import build, sequence

# Inside torch.export: it reads gradients of tensors that have none, and uses what it deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

cells = pytest.mark.parametrize("name", get_args(CellName))


class _Step(nn.Module):
    """A step as a module, whose state is a list: what torch.export can take."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, inputs: Tensor, state: list[Tensor]) -> list[Tensor]:
        output, following = self.cell.step(inputs, tuple(state))
        return [output, *following]


class _Run(_Step):
    """A run as a module."""

    def forward(self, inputs: Tensor, state: list[Tensor]) -> list[Tensor]:
        outputs, last = self.cell(inputs, tuple(state))
        return [outputs, *last]


def _float32(name: CellName) -> Cell:
    return build(name, 4).float().eval()


def _arguments(cell: Cell, num_rows: int, num_steps: int) -> tuple[Tensor, list[Tensor]]:
    inputs, state = sequence(cell, num_rows=num_rows, num_steps=num_steps)
    return inputs.float(), [part.float() for part in state]


@cells
@torch.no_grad()
def test_a_step_for_any_number_of_rows(name: CellName) -> None:
    step = _Step(_float32(name))
    inputs, state = _arguments(step.cell, 3, 1)
    rows = {0: Dim.AUTO}
    exported = export(step, (inputs[:, 0], state), dynamic_shapes=(rows, [rows] * len(state)))
    inputs, state = _arguments(step.cell, 5, 1)
    torch.testing.assert_close(exported.module()(inputs[:, 0], state), step(inputs[:, 0], state))


@cells
@torch.no_grad()
def test_a_run_of_one_length(name: CellName) -> None:
    run = _Run(_float32(name))
    inputs, state = _arguments(run.cell, 3, 5)
    rows = {0: Dim.AUTO}
    exported = export(run, (inputs, state), dynamic_shapes=(rows, [rows] * len(state)))
    inputs, state = _arguments(run.cell, 2, 5)
    torch.testing.assert_close(exported.module()(inputs, state), run(inputs, state))
