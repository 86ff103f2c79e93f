"""The encoder as an ONNX graph: a source in, what the decoder begins with out.

The recurrent layers are ONNX's own operators, which a runtime runs as one kernel over all steps.
"""

import math
from collections.abc import Iterable

import numpy as np
import onnx
from numpy.typing import NDArray
from torch.nn.functional import linear

from pipeline.export.cells import ExportedCell, add_layer, array, as_exported, weight_of
from pipeline.export.graph import Graph
from pipeline.nn.attention import GeneralAttention
from pipeline.nn.embedding import OneHot, token_vectors
from pipeline.nn.seq2seq import Seq2Seq


def encoder_graph(network: Seq2Seq) -> onnx.ModelProto:
    """From `source_ids` (B, S) and `source_lengths` (B) to all that the first step needs.

    These are `state_0`, `state_1`, … (B, 1, H), each part of each layer's state; and with attention
    `keys` (B, H, S), `values` (B, S, F) and `barred` (B, 1, S), as in `PreparedState` but for the
    keys, which lie as a step multiplies them.

    Args:
        network: One that `can_be_prepared`.
    """
    decoder = network.decoder
    graph = Graph("encoder")
    source_ids = graph.input("source_ids", "int64", ["B", "S"])
    lengths = graph.input("source_lengths", "int32", ["B"])
    outputs, final_states = _add_layers(graph, network, source_ids, lengths)
    num_parts = 0
    for cell, bridge, final_state in zip(
        decoder.layers, decoder.bridges, final_states, strict=True
    ):
        weight, bias = (array(each) for each in bridge.parameters())
        parts = graph.add("Tanh", graph.linear(final_state, weight, bias))
        parts = graph.add("Unsqueeze", parts, graph.constant([1]))
        size = as_exported(cell).hidden_size
        for part in graph.split(parts, [size] * as_exported(cell).num_state_parts):
            graph.output(part, f"state_{num_parts}", "float", ["B", 1, size])
            num_parts += 1
    if decoder.attention is not None:
        _add_attended(graph, network, outputs, source_ids)
        graph.output(_add_barred(graph, source_ids, lengths), "barred", "float", ["B", 1, "S"])
    return graph.build()


def _add_layers(
    graph: Graph, network: Seq2Seq, source_ids: str, lengths: str
) -> tuple[str, list[str]]:
    """Outputs (B, S, H), and of each layer the last hidden state (B, H)."""
    encoder = network.encoder
    table, input_weights = _first_inputs(network)
    by_time = graph.add("Transpose", source_ids, perm=[1, 0])
    outputs = graph.add("Gather", graph.constant(table), by_time)  # (S, B, I)
    final_states = []
    for i, cells in enumerate(_cells(network)):
        if i > 0:
            input_weights = _input_weights(cells)
        layer_outputs, final_state = add_layer(
            graph, cells, outputs, lengths, input_weights=input_weights
        )
        is_added = encoder.residual and i > 0
        outputs = graph.add("Add", outputs, layer_outputs) if is_added else layer_outputs
        final_states.append(final_state)
    return graph.add("Transpose", outputs, perm=[1, 0, 2]), final_states


def _first_inputs(network: Seq2Seq) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """A row for each source token, and what each direction multiplies it with."""
    embedding = network.encoder.embedding
    weights = _input_weights(_cells(network)[0])
    if not isinstance(embedding, OneHot):
        return array(token_vectors(embedding)), weights
    # The identity has V^2 numbers. So the products with it are the table, the directions side by
    # side, and each direction takes its own part of a row.
    num_rows = [len(weight) for weight in weights]
    parts = np.split(np.eye(sum(num_rows), dtype=np.float32), np.cumsum(num_rows)[:-1])
    return np.concatenate([weight.T for weight in weights], axis=1), parts


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


def _add_barred(graph: Graph, source_ids: str, lengths: str) -> str:
    """0 at a source token, -inf at padding: (B, 1, S)."""
    max_length = graph.add("Gather", graph.add("Shape", source_ids), graph.constant(1))
    places = graph.add("Range", graph.constant(0), max_length, graph.constant(1))
    lengths = graph.add("Unsqueeze", lengths, graph.constant([1, 2]))
    is_token = graph.add("Less", places, graph.add("Cast", lengths, to=onnx.TensorProto.INT64))
    return graph.add("Where", is_token, graph.constant(0.0), graph.constant(-math.inf))


def _cells(network: Seq2Seq) -> list[list[ExportedCell]]:
    """Of each layer of the encoder, see `RecurrentLayers.cells`."""
    return [list(map(as_exported, cells)) for cells in network.encoder.cells]


def _input_weights(cells: Iterable[ExportedCell]) -> list[NDArray[np.float32]]:
    return [weight_of(cell, "weight_ih") for cell in cells]
