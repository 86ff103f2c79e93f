import numpy as np
import pytest

from pipeline.nn.cells import SRUCell
from tests.unit.nn.cells.building import array, build, sequence, sigmoid


@pytest.mark.parametrize("input_size", [3, 4])
def test_it_is_the_papers_equations(input_size: int) -> None:
    cell = build("sru", 4, input_size=input_size)
    assert isinstance(cell, SRUCell)
    inputs, state = sequence(cell)
    outputs, last = cell(inputs, state)
    x, c = array(inputs), array(state[1])
    W, W_f, W_r, *W_p = np.split(array(cell.W.weight), len(cell.W.weight) // 4)
    assert len(W_p) == (input_size != 4)
    (v_f, v_r), (b_f, b_r) = array(cell.v), array(cell.b)
    for t in range(x.shape[1]):
        x_t = x[:, t]
        f = sigmoid(x_t @ W_f.T + v_f * c + b_f)
        r = sigmoid(x_t @ W_r.T + v_r * c + b_r)
        c = f * c + (1 - f) * (x_t @ W.T)
        h = r * c + (1 - r) * (x_t @ W_p[0].T if W_p else x_t)
        np.testing.assert_allclose(array(outputs[:, t]), h, rtol=0, atol=1e-9)
    np.testing.assert_allclose(array(last[1]), c, rtol=0, atol=1e-9)
