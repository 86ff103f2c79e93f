"""GRU and LSTM as ONNX: a layer of an encoder as one operator, a step of a decoder as a few."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.export.graph import Graph
from pipeline.nn.cells import SteppedCell
from pipeline.nn.cells.gated import GRUCell, LSTMCell

ExportedCell = GRUCell | LSTMCell
# Which of torch's gates stand where in ONNX: r z n become z r n; i f g o become i o f g.
_GATES: dict[type[SteppedCell], tuple[int, ...]] = {GRUCell: (1, 0, 2), LSTMCell: (0, 3, 1, 2)}


def add_layer(
    graph: Graph,
    cells: Sequence[ExportedCell],
    inputs: str,
    lengths: str,
    *,
    input_weights: Sequence[NDArray[np.float32]],
) -> tuple[str, str]:
    """Run a layer over inputs (S, B, I), each row as far as its length.

    Args:
        graph: What it is added to.
        cells: One a direction.
        inputs: The inputs.
        lengths: Of the rows (B).
        input_weights: Of each cell what its inputs are multiplied with (G, I).

    Returns:
        Outputs (S, B, H), 0 on padding, and the last hidden state (B, H), the directions of each
        side by side.
    """
    order = _GATES[type(cells[0])]

    def of_each(name: str) -> NDArray[np.float32]:
        return np.stack([_reordered(weight_of(cell, name), order) for cell in cells])

    size = cells[0].hidden_size
    options = {"linear_before_reset": 1} if isinstance(cells[0], GRUCell) else {}
    outputs, final_state = graph.add_many(
        "GRU" if isinstance(cells[0], GRUCell) else "LSTM",
        2,
        inputs,
        graph.constant(np.stack([_reordered(weight, order) for weight in input_weights])),
        graph.constant(of_each("weight_hh")),
        graph.constant(np.concatenate([of_each("bias_ih"), of_each("bias_hh")], axis=1)),
        lengths,
        hidden_size=size,
        direction="bidirectional" if len(cells) == 2 else "forward",
        **options,
    )
    # (S, directions, B, H / directions) -> (S, B, H)
    outputs = graph.add("Transpose", outputs, perm=[0, 2, 1, 3])
    outputs = graph.add("Reshape", outputs, graph.constant([0, 0, len(cells) * size]))
    # (directions, B, H / directions) -> (B, H)
    final_state = graph.add("Transpose", final_state, perm=[1, 0, 2])
    final_state = graph.add("Reshape", final_state, graph.constant([0, len(cells) * size]))
    return outputs, final_state


def add_step(graph: Graph, cell: ExportedCell, projected: str, state: Sequence[str]) -> list[str]:
    """The state after a time step: `SteppedCell.advance`, on (B, beams, ·)."""
    weight = weight_of(cell, "weight_hh")
    if isinstance(cell, GRUCell):
        recurrent = graph.linear(state[0], weight, weight_of(cell, "bias_hh"))
        return [_gru_step(graph, cell.hidden_size, projected, recurrent, state[0])]
    gates = graph.add("Add", projected, graph.linear(state[0], weight))
    return _lstm_step(graph, cell.hidden_size, gates, state[1])


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


def _reordered(weights: NDArray[np.float32], order: Sequence[int]) -> NDArray[np.float32]:
    """The gates, which stand below each other, in another order."""
    gates = np.split(weights, len(order))
    return np.concatenate([gates[i] for i in order])


def as_exported(cell: object) -> ExportedCell:
    """A cell of a network that `can_be_prepared`."""
    assert isinstance(cell, GRUCell | LSTMCell)
    return cell
