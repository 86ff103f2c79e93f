import pytest
import torch

from pipeline.insight.gradients import gradient_norms, random_inputs
from pipeline.nn.cells import CELLS, ElmanCell, IRNNCell
from pipeline.nn.config import CellName

_LENGTH = 40


def _norms(name: CellName) -> list[float]:
    torch.manual_seed(3)
    cell = CELLS[name](16, 16)
    return gradient_norms(cell, random_inputs(cell, _LENGTH))


@pytest.mark.parametrize("name", CELLS)
def test_there_is_a_norm_for_each_distance(name: CellName) -> None:
    norms = _norms(name)
    assert len(norms) == _LENGTH
    assert norms[0] > 0


def test_each_step_back_is_a_jacobian_by_hand() -> None:
    cell = ElmanCell(1, 1)
    cell.W_xh.data = torch.tensor([[0.0]])
    cell.W_hh.data = torch.tensor([[0.5]])
    # From a state of 0 without input h stays 0, where tanh has slope 1: every step is a half.
    norms = gradient_norms(cell, torch.zeros(4, 400, 1))
    assert norms[0] > 0
    assert norms == pytest.approx([norms[0] * 0.5**distance for distance in range(400)])


def test_what_is_kept_as_it_is_keeps_its_gradient() -> None:
    cell = IRNNCell(2, 4)
    inputs = torch.ones(3, 30, 2)
    cell.W_xh.data.abs_()  # all units are above 0, where relu has slope 1
    norms = gradient_norms(cell, inputs)
    assert norms == pytest.approx([norms[0]] * 30)


def test_the_gradient_of_an_elman_cell_vanishes_sooner_than_that_of_an_lstm() -> None:
    elman, lstm = _norms("elman"), _norms("lstm")
    assert elman[-1] / elman[0] < 0.01 * lstm[-1] / lstm[0]
