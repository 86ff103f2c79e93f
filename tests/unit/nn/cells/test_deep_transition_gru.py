import numpy as np
import torch
from torch import nn

from pipeline.nn.cells import DeepTransitionGRUCell
from tests.unit.nn.cells.building import INPUT_SIZE, array, build, sequence


def test_it_is_a_chain_of_torchs_gru_cells_of_which_the_first_sees_the_input() -> None:
    cell = build("dt_gru", 4)
    assert isinstance(cell, DeepTransitionGRUCell)
    chain = [nn.GRUCell(INPUT_SIZE, 4).double() for _ in range(2)]
    for number, (gru, transition) in enumerate(zip(chain, cell.transitions, strict=True)):
        gru.weight_ih.data = cell.W_xh.weight.data if number == 0 else gru.weight_ih.data
        gru.bias_ih.data = cell.W_xh.bias.data if number == 0 else cell.biases.data[number - 1]
        gru.weight_hh.data = transition.get_parameter("weight").data
        gru.bias_hh.data = transition.get_parameter("bias").data
    inputs, (h,) = sequence(cell)
    outputs, _ = cell(inputs, (h,))
    for t, x_t in enumerate(inputs.unbind(dim=1)):
        h = chain[0](x_t, h)
        h = chain[1](torch.zeros_like(x_t), h)
        np.testing.assert_allclose(array(outputs[:, t]), array(h), rtol=0, atol=1e-9)
