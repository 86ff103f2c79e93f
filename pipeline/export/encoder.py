"""The encoder as an ONNX graph: a source in, what the decoder begins with out.

A layer is the decoder's own step, run over all tokens by the `Scan` of ONNX, once forward and once
backward: so it can be quantised, which ONNX's recurrent operators cannot be.
"""

import itertools
import math
from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper
from torch.nn.functional import linear

from pipeline.export.cells import (
    ExportedCell,
    add_project,
    add_step,
    array,
    as_exported,
    weight_of,
)
from pipeline.export.graph import Graph
from pipeline.nn.attention import GeneralAttention
from pipeline.nn.embedding import token_vectors
from pipeline.nn.seq2seq import Seq2Seq


def layer_graphs(network: Seq2Seq) -> list[onnx.ModelProto]:
    """Of each layer a time step in all its directions, for `encoder_graph`.

    Given are, of each direction, the parts of the state before (B, H / directions) and the
    projected input (B, G), and whether the rows have a token there (B, 1); what comes out are the
    parts after it, which are those before it where there is none.

    Args:
        network: One that `can_be_prepared`.
    """
    return [_layer_graph(cells, f"layer_{i}") for i, cells in enumerate(_cells(network))]


def _layer_graph(cells: Sequence[ExportedCell], name: str) -> onnx.ModelProto:
    graph = Graph(name)
    size = cells[0].hidden_size
    num_parts = cells[0].num_state_parts
    states = [
        [graph.input(f"{name}_state_{i}_{part}", "float", ["B", size]) for part in range(num_parts)]
        for i in range(len(cells))
    ]
    gates = len(weight_of(cells[0], "weight_hh"))
    inputs = [graph.input(f"{name}_input_{i}", "float", ["B", gates]) for i in range(len(cells))]
    is_token = [graph.input(f"{name}_is_token_{i}", "bool", ["B", 1]) for i in range(len(cells))]
    for i, cell in enumerate(cells):
        after = add_step(graph, cell, inputs[i], states[i])
        for part, (new, old) in enumerate(zip(after, states[i], strict=True)):
            kept = graph.add("Where", is_token[i], new, old)
            graph.output(kept, f"{name}_next_state_{i}_{part}", "float", ["B", size])
    for i in range(len(cells)):
        hidden = f"{name}_next_state_{i}_0"
        graph.output(hidden, f"{name}_output_{i}", "float", ["B", size])
    return graph.build()


def encoder_graph(network: Seq2Seq, layers: Sequence[onnx.ModelProto]) -> onnx.ModelProto:
    """From `source_ids` (B, S) and `source_lengths` (B) to all that the first step needs.

    These are `state_0`, `state_1`, … (B, 1, H), each part of each layer's state; and with attention
    `keys` (B, H, S), `values` (B, S, F) and `barred` (B, 1, S), as in `PreparedState` but for the
    keys, which lie as a step multiplies them. Keys and values of padding mean nothing.

    Args:
        network: One that `can_be_prepared`.
        layers: Its `layer_graphs`, quantised or not.
    """
    decoder = network.decoder
    graph = Graph("encoder")
    source_ids = graph.input("source_ids", "int64", ["B", "S"])
    lengths = graph.input("source_lengths", "int32", ["B"])
    is_token = _add_is_token(graph, source_ids, lengths)
    outputs, final_states = _add_layers(graph, network, layers, source_ids, is_token)
    num_parts = itertools.count()
    for cell, bridge, final_state in zip(
        decoder.layers, decoder.bridges, final_states, strict=True
    ):
        weight, bias = (array(each) for each in bridge.parameters())
        parts = graph.add("Tanh", graph.linear(final_state, weight, bias))
        parts = graph.add("Unsqueeze", parts, graph.constant([1]))
        size = as_exported(cell).hidden_size
        for part in graph.split(parts, [size] * as_exported(cell).num_state_parts):
            graph.output(part, f"state_{next(num_parts)}", "float", ["B", 1, size])
    if decoder.attention is not None:
        _add_attended(graph, network, outputs, source_ids)
        barred = graph.add("Where", is_token, graph.constant(0.0), graph.constant(-math.inf))
        barred = graph.add("Unsqueeze", barred, graph.constant([1]))
        graph.output(barred, "barred", "float", ["B", 1, "S"])
    return graph.build()


def _add_is_token(graph: Graph, source_ids: str, lengths: str) -> str:
    """Whether there is a token (B, S), and no padding."""
    max_length = graph.add("Gather", graph.add("Shape", source_ids), graph.constant(1))
    places = graph.add("Range", graph.constant(0), max_length, graph.constant(1))
    lengths = graph.add("Cast", lengths, to=TensorProto.INT64)
    return graph.add("Less", places, graph.add("Unsqueeze", lengths, graph.constant([1])))


def _add_layers(
    graph: Graph,
    network: Seq2Seq,
    layers: Sequence[onnx.ModelProto],
    source_ids: str,
    is_token: str,
) -> tuple[str, list[str]]:
    """Outputs (B, S, H), and of each layer the last hidden state (B, H)."""
    by_time = graph.add("Transpose", source_ids, perm=[1, 0])
    is_token = graph.add("Transpose", is_token, perm=[1, 0])
    is_token = graph.add("Unsqueeze", is_token, graph.constant([2]))  # (S, B, 1)
    vectors = token_vectors(network.encoder.embedding)
    outputs, final_states = "", []
    for i, (cells, layer) in enumerate(zip(_cells(network), layers, strict=True)):
        if i == 0:
            tables = [graph.constant(array(cell.project(vectors))) for cell in cells]
            inputs = [graph.add("Gather", table, by_time) for table in tables]
        else:
            inputs = [add_project(graph, cell, outputs) for cell in cells]
        layer_outputs, final_state = _add_layer(graph, cells, layer, inputs, is_token)
        is_added = network.encoder.residual and i > 0
        outputs = graph.add("Add", outputs, layer_outputs) if is_added else layer_outputs
        final_states.append(final_state)
    return graph.add("Transpose", outputs, perm=[1, 0, 2]), final_states


def _add_layer(
    graph: Graph,
    cells: Sequence[ExportedCell],
    layer: onnx.ModelProto,
    inputs: Sequence[str],
    is_token: str,
) -> tuple[str, str]:
    """Run a step over projected inputs (S, B, G) of each direction; the second is backward.

    Returns:
        Outputs (S, B, H), and the last hidden state (B, H), the directions of each side by side.
    """
    num_directions, num_parts = len(cells), cells[0].num_state_parts
    batch_size = graph.add("Gather", graph.add("Shape", is_token), graph.constant([1]))
    size = graph.constant([cells[0].hidden_size])
    shape = graph.add("Concat", batch_size, size, axis=0)
    zeros = graph.add("Expand", graph.constant([[0.0]]), shape)
    body = layer.graph
    directions = list(range(num_directions))  # 0 is forward, 1 backward
    found = graph.add_many(
        "Scan",
        num_directions * (num_parts + 1),
        *[zeros] * (num_directions * num_parts),
        *inputs,
        *[is_token] * num_directions,
        body=helper.make_graph(body.node, body.name, body.input, body.output),
        num_scan_inputs=2 * num_directions,
        scan_input_directions=directions * 2,
        scan_output_directions=directions,
    )
    graph.constants += body.initializer
    final_states = found[: num_directions * num_parts : num_parts]
    outputs = found[num_directions * num_parts :]
    return (
        graph.add("Concat", *outputs, axis=-1),
        graph.add("Concat", *final_states, axis=-1),
    )


def _add_attended(graph: Graph, network: Seq2Seq, outputs: str, source_ids: str) -> None:
    """What attention compares with and what it finds, of encoder outputs (B, S, H)."""
    decoder, size = network.decoder, network.config.hidden_size
    scale = 1 / math.sqrt(size)
    if isinstance(decoder.attention, GeneralAttention):
        keys = graph.linear(outputs, scale * array(decoder.attention.W.weight))
    else:
        keys = graph.add("Mul", outputs, graph.constant(scale))
    keys = graph.add("Transpose", keys, perm=[0, 2, 1])
    graph.output(keys, "keys", "float", ["B", size, "S"])
    values = graph.linear(outputs, array(decoder.W_c.weight)[:, :size])
    num_features = decoder.W_c.out_features
    if decoder.lexical is not None:
        vectors = token_vectors(network.encoder.embedding)
        table = array(linear(vectors, decoder.lexical.W_l.weight))
        words = graph.add("Gather", graph.constant(table), source_ids)
        values = graph.add("Concat", values, words, axis=-1)
        num_features *= 2
    graph.output(values, "values", "float", ["B", "S", num_features])


def _cells(network: Seq2Seq) -> list[list[ExportedCell]]:
    """Of each layer of the encoder, see `RecurrentLayers.cells`."""
    return [list(map(as_exported, cells)) for cells in network.encoder.cells]
