"""The encoder as an ONNX graph: a source in, what the decoder begins with out.

A layer is the decoder's own step, run over all tokens by the `Scan` of ONNX: so it can be
quantised, which ONNX's recurrent operators cannot be. Both directions are run at once, the second
over reversed sentences.

Shape letters: S source length, D directions, B sentences, G gates of a cell, H hidden.
"""

import itertools
import math
from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from pipeline.export.cells import (
    ExportedCell,
    add_project,
    add_step,
    array,
    as_exported,
    weight_of,
)
from pipeline.export.graph import Graph, Shape
from pipeline.nn.attention import GeneralAttention
from pipeline.nn.coverage import Looks
from pipeline.nn.embedding import token_vectors
from pipeline.nn.prepared import readers
from pipeline.nn.seq2seq import Seq2Seq


def layer_graphs(network: Seq2Seq) -> list[onnx.ModelProto]:
    """Of each layer a time step in all its directions, for `encoder_graph`.

    Given are the parts of the state before (D, B, H / D), the projected inputs (D, B, G), and
    whether the rows have a token there (1, B, 1); what comes out are the parts after it, which are
    those before it where there is none, and the hidden state once more.

    Args:
        network: One that `can_be_prepared`.
    """
    return [_layer_graph(cells, f"layer_{i}") for i, cells in enumerate(_cells(network))]


def _layer_graph(cells: Sequence[ExportedCell], name: str) -> onnx.ModelProto:
    graph = Graph(name)
    num_gates, size = len(weight_of(cells[0], "weight_hh")), cells[0].hidden_size
    shape: Shape = [len(cells), "B", size]
    parts = range(cells[0].num_state_parts)
    before = [graph.input(f"{name}_state_{part}", "float", shape) for part in parts]
    inputs = graph.input(f"{name}_inputs", "float", [len(cells), "B", num_gates])
    is_token = graph.input(f"{name}_is_token", "bool", [1, "B", 1])
    after = add_step(graph, cells, inputs, before)
    kept = [graph.add("Where", is_token, *each) for each in zip(after, before, strict=True)]
    for part, value in enumerate(kept):
        graph.output(value, f"{name}_next_state_{part}", "float", shape)
    graph.output(kept[0], f"{name}_outputs", "float", shape)
    return graph.build()


def encoder_graph(network: Seq2Seq, layers: Sequence[onnx.ModelProto]) -> onnx.ModelProto:
    """From `source_ids` (B, S) and `source_lengths` (B) to all that the first step needs.

    These are `state_0`, `state_1`, … (B, 1, H), each part of each layer's state; with attention
    `keys` (B, H, S), `values` (B, S, F) and `barred` (B, 1, S), as in `PreparedState` but for the
    keys, which lie as a step multiplies them; with coverage `hops` (B, S, S), and two states more
    (B, 1, S), those of `Looks`. What keys, values and hops are of padding means nothing.

    Args:
        network: One that `can_be_prepared`.
        layers: Its `layer_graphs`, quantised or not.
    """
    decoder = network.decoder
    graph = Graph("encoder")
    source_ids = graph.input("source_ids", "int64", ["B", "S"])
    lengths = graph.input("source_lengths", "int32", ["B"])
    lengths = graph.add("Cast", lengths, to=TensorProto.INT64)
    is_token = _add_is_token(graph, source_ids, lengths)
    outputs, final_states = _add_layers(graph, network, layers, source_ids, lengths, is_token)
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
        keys = _add_attended(graph, network, outputs, source_ids)
        barred = graph.add("Where", is_token, graph.constant(0.0), graph.constant(-math.inf))
        barred = graph.add("Unsqueeze", barred, graph.constant([1]))
        graph.output(barred, "barred", "float", ["B", 1, "S"])
    if decoder.coverage is not None:
        found = graph.linear(outputs, array(decoder.coverage.W_f.weight))
        graph.output(graph.add("MatMul", found, keys), "hops", "float", ["B", "S", "S"])
        as_numbers = graph.add("Cast", is_token, to=TensorProto.FLOAT)
        nowhere = graph.add("Mul", as_numbers, graph.constant(0.0))
        nowhere = graph.add("Unsqueeze", nowhere, graph.constant([1]))
        for _ in Looks._fields:
            graph.output(nowhere, f"state_{next(num_parts)}", "float", ["B", 1, "S"])
    return graph.build()


def _add_is_token(graph: Graph, source_ids: str, lengths: str) -> str:
    """Whether there is a token (B, S), and no padding."""
    max_length = graph.add("Gather", graph.add("Shape", source_ids), graph.constant(1))
    places = graph.add("Range", graph.constant(0), max_length, graph.constant(1))
    return graph.add("Less", places, graph.add("Unsqueeze", lengths, graph.constant([1])))


def _add_layers(
    graph: Graph,
    network: Seq2Seq,
    layers: Sequence[onnx.ModelProto],
    source_ids: str,
    lengths: str,
    is_token: str,
) -> tuple[str, list[str]]:
    """Outputs (B, S, H), and of each layer the last hidden state (B, H)."""
    by_time = graph.add("Transpose", source_ids, perm=[1, 0])
    is_token = graph.add("Transpose", is_token, perm=[1, 0])
    is_token = graph.add("Unsqueeze", is_token, graph.constant([1, 3]))  # (S, 1, B, 1)
    vectors = token_vectors(network.encoder.embedding)
    outputs, final_states = "", []
    for i, (cells, layer) in enumerate(zip(_cells(network), layers, strict=True)):
        read = [outputs if i > 0 else by_time]
        if len(cells) == 2:
            read.append(_reversed(graph, read[0], lengths))
        inputs = [
            add_project(graph, cell, values)
            if i > 0
            else graph.add("Gather", graph.constant(array(cell.project(vectors))), values)
            for cell, values in zip(cells, read, strict=True)
        ]
        layer_outputs, final_state = _add_layer(graph, cells, layer, inputs, lengths, is_token)
        is_added = network.encoder.residual and i > 0
        outputs = graph.add("Add", outputs, layer_outputs) if is_added else layer_outputs
        final_states.append(final_state)
    return graph.add("Transpose", outputs, perm=[1, 0, 2]), final_states


def _add_layer(
    graph: Graph,
    cells: Sequence[ExportedCell],
    layer: onnx.ModelProto,
    inputs: Sequence[str],
    lengths: str,
    is_token: str,
) -> tuple[str, str]:
    """Run the step over projected inputs (S, B, G) of each direction, in the order of each.

    Returns:
        Outputs (S, B, H), and the last hidden state (B, H), the directions of each side by side.
    """
    num_directions, num_parts, size = len(cells), cells[0].num_state_parts, cells[0].hidden_size
    axis = graph.constant([1])
    stacked = [graph.add("Unsqueeze", values, axis) for values in inputs]
    shape = graph.add(
        "Concat",
        graph.constant([num_directions]),
        graph.add("Shape", lengths),
        graph.constant([size]),
        axis=0,
    )
    zeros = graph.add("Expand", graph.constant([[[0.0]]]), shape)
    body = layer.graph
    final_state, *_, outputs = graph.add_many(
        "Scan",
        num_parts + 1,
        *[zeros] * num_parts,
        graph.add("Concat", *stacked, axis=1),
        is_token,
        body=helper.make_graph(body.node, body.name, body.input, body.output),
        num_scan_inputs=2,
    )
    graph.constants += body.initializer
    final_state = graph.add("Transpose", final_state, perm=[1, 0, 2])
    final_state = graph.add("Reshape", final_state, graph.constant([0, num_directions * size]))
    of_each = graph.split(outputs, [1] * num_directions, axis=1)
    forward, *backward = [graph.add("Squeeze", values, axis) for values in of_each]
    backward = [_reversed(graph, values, lengths) for values in backward]
    return graph.add("Concat", forward, *backward, axis=-1), final_state


def _reversed(graph: Graph, values: str, lengths: str) -> str:
    """The tokens of each sentence in the other order; padding stays behind them."""
    return graph.add("ReverseSequence", values, lengths, time_axis=0, batch_axis=1)


def _add_attended(graph: Graph, network: Seq2Seq, outputs: str, source_ids: str) -> str:
    """What attention compares with and what it finds, of encoder outputs (B, S, H); the keys."""
    decoder, size = network.decoder, network.config.hidden_size
    scale = 1 / math.sqrt(size)
    if isinstance(decoder.attention, GeneralAttention):
        keys = graph.linear(outputs, scale * array(decoder.attention.W.weight))
    else:
        keys = graph.add("Mul", outputs, graph.constant(scale))
    keys = graph.add("Transpose", keys, perm=[0, 2, 1])
    graph.output(keys, "keys", "float", ["B", size, "S"])
    reader = array(readers(decoder)[0])[:, :size]
    values, num_values = graph.linear(outputs, reader), len(reader)
    if decoder.lexical is not None:
        table = array(decoder.lexical(token_vectors(network.encoder.embedding)))
        words = graph.add("Gather", graph.constant(table), source_ids)
        values = graph.add("Concat", values, words, axis=-1)
        num_values += decoder.W_c.out_features
    graph.output(values, "values", "float", ["B", "S", num_values])
    return keys


def _cells(network: Seq2Seq) -> list[list[ExportedCell]]:
    """Of each layer of the encoder, see `RecurrentLayers.cells`."""
    return [list(map(as_exported, cells)) for cells in network.encoder.cells]
