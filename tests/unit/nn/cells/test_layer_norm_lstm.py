import numpy as np

from pipeline.nn.cells import LayerNormLSTMCell
from tests.unit.nn.cells.building import Array, array, build, sequence, sigmoid


def _normalized(x: Array) -> Array:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + 1e-5))


def test_it_is_the_papers_equations() -> None:
    cell = build("ln_lstm", 4)
    assert isinstance(cell, LayerNormLSTMCell)
    inputs, state = sequence(cell)
    outputs, last = cell(inputs, state)
    x, (h, c) = array(inputs), map(array, state)
    W_x, W_h = array(cell.W_xh.weight), array(cell.W_hh.weight)
    gain_x, bias = array(cell.norm_x.weight), array(cell.norm_x.bias)
    gain_h = array(cell.norm_h.weight)
    gain_c, bias_c = array(cell.norm_c.weight), array(cell.norm_c.bias)
    for t in range(x.shape[1]):
        gates = gain_h * _normalized(h @ W_h.T) + gain_x * _normalized(x[:, t] @ W_x.T) + bias
        i, f, g, o = np.split(gates, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(gain_c * _normalized(c) + bias_c)
        np.testing.assert_allclose(array(outputs[:, t]), h, rtol=0, atol=1e-9)
    np.testing.assert_allclose(array(last[1]), c, rtol=0, atol=1e-9)


def test_only_the_forget_gates_bias_begins_at_one() -> None:
    assert LayerNormLSTMCell(3, 2).norm_x.bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
