"""A time step of GRU and LSTM as ONNX: what encoder and decoder run again and again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.export.graph import Graph
from pipeline.nn.cells.gated import GRUCell, LSTMCell

ExportedCell = GRUCell | LSTMCell


def add_project(graph: Graph, cell: ExportedCell, inputs: str) -> str:
    """`SteppedCell.project`, of (..., I)."""
    bias = weight_of(cell, "bias_ih")
    if isinstance(cell, LSTMCell):
        bias = bias + weight_of(cell, "bias_hh")
    return graph.linear(inputs, weight_of(cell, "weight_ih"), bias)


def add_step(
    graph: Graph, cells: Sequence[ExportedCell], projected: str, state: Sequence[str]
) -> list[str]:
    """The state after a time step: `SteppedCell.advance`, on (..., ·).

    Several cells of one size are run at once, and the first dimension of all values is theirs.
    """
    cell = cells[0]
    recurrent = _recurrent(graph, cells, state[0])
    if isinstance(cell, GRUCell):
        return [_gru_step(graph, cell.hidden_size, projected, recurrent, state[0])]
    gates = graph.add("Add", projected, recurrent)
    return _lstm_step(graph, cell.hidden_size, gates, state[1])


def _recurrent(graph: Graph, cells: Sequence[ExportedCell], h: str) -> str:
    """What the last hidden states say to the gates, of each cell by its own W_hh."""
    states = [h] if len(cells) == 1 else graph.split(h, [1] * len(cells), axis=0)
    products = [
        graph.linear(
            state,
            weight_of(cell, "weight_hh"),
            weight_of(cell, "bias_hh") if isinstance(cell, GRUCell) else None,
        )
        for cell, state in zip(cells, states, strict=True)
    ]
    return products[0] if len(cells) == 1 else graph.add("Concat", *products, axis=0)


def weight_of(cell: ExportedCell, name: str) -> NDArray[np.float32]:
    """A weight of the cell: `weight_ih`, `weight_hh`, `bias_ih` or `bias_hh`."""
    return array(cell.rnn.get_parameter(f"{name}_l0"))


def _gru_step(graph: Graph, size: int, projected: str, recurrent: str, h: str) -> str:
    projected_gates, projected_n = graph.split(projected, [2 * size, size])
    recurrent_gates, recurrent_n = graph.split(recurrent, [2 * size, size])
    gates = graph.add("Sigmoid", graph.add("Add", projected_gates, recurrent_gates))
    r, z = graph.split(gates, [size, size])
    n = graph.add("Tanh", graph.add("Add", projected_n, graph.add("Mul", r, recurrent_n)))
    return graph.add("Add", n, graph.add("Mul", z, graph.add("Sub", h, n)))


def _lstm_step(graph: Graph, size: int, gates: str, c: str) -> list[str]:
    i, f, g, o = graph.split(gates, [size] * 4)
    written = graph.add("Mul", graph.add("Sigmoid", i), graph.add("Tanh", g))
    kept = graph.add("Mul", graph.add("Sigmoid", f), c)
    c = graph.add("Add", kept, written)
    return [graph.add("Mul", graph.add("Sigmoid", o), graph.add("Tanh", c)), c]


def array(tensor: Tensor) -> NDArray[np.float32]:
    """A weight as numpy has it."""
    values: NDArray[np.float32] = tensor.detach().float().numpy()
    return values


def as_exported(cell: object) -> ExportedCell:
    """A cell of a network that `can_be_prepared`."""
    assert isinstance(cell, GRUCell | LSTMCell)
    return cell
