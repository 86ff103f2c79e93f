"""The decoder as an ONNX graph: a step, and the loop around it.

A step alone is what a beam search asks for, and a greedy search many in a row. Both are one loop,
which ends when few enough rows are still open: so a greedy search is a single call.
"""

import math
from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from pipeline.export.cells import add_project, add_step, array, as_exported
from pipeline.export.graph import Graph, Shape
from pipeline.nn.coverage import Coverage, Looks
from pipeline.nn.deep_output import DeepOutput
from pipeline.nn.embedding import token_vectors
from pipeline.nn.prepared import readers
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID

_INNER = "step_"


def step_graph(network: Seq2Seq, *, allow_unknown: bool) -> onnx.ModelProto:
    """From a token and a state to what may follow: `PreparedSeq2Seq.step`.

    The names of what changes from step to step begin with `step_`, so that they are not those of
    the `loop_graph` around it. Given are `step_token_ids` (B, beams) and the states `step_state_0`,
    … (B, beams, ·). What comes out: the states after it, `step_next_state_0`, …; `step_log_probs`
    (nats) and `step_ids` (B, beams, best) of the `num_best` most probable tokens, the most probable
    first; and `step_attention` (B, beams, S). What attention looks at is given once a sentence, and
    its beams share it: `keys`, `values`, `barred` and `hops`, as the `encoder_graph` makes them.

    Args:
        network: One that `can_be_prepared`.
        allow_unknown: Whether UNK may be generated; PAD and BOS never are.
    """
    decoder = network.decoder
    graph = Graph("step")
    token_ids = graph.input("step_token_ids", "int64", ["B", "beams"])
    cells = [as_exported(cell) for cell in decoder.layers]
    table = graph.constant(array(cells[0].project(token_vectors(decoder.embedding))))
    projected = graph.add("Gather", table, token_ids)
    outputs, num_parts = projected, 0
    for i, cell in enumerate(cells):
        if i > 0:
            projected = add_project(graph, cell, outputs)
        names = [f"state_{num_parts + part}" for part in range(cell.num_state_parts)]
        shape: Shape = ["B", "beams", cell.hidden_size]
        state = [graph.input(f"step_{name}", "float", shape) for name in names]
        state = add_step(graph, [cell], projected, state)
        for part, name in zip(state, names, strict=True):
            graph.output(part, f"step_next_{name}", "float", shape)
        outputs = graph.add("Add", outputs, state[0]) if decoder.residual and i > 0 else state[0]
        num_parts += len(names)
    bias = array(network.output_bias).copy()
    bias[[PAD_ID, BOS_ID] if allow_unknown else [PAD_ID, UNK_ID, BOS_ID]] = -math.inf
    features = _features(graph, network, outputs, num_parts)
    logits = graph.linear(features, array(network.output_weight), bias)
    num_best = graph.input("num_best", "int64", [1])
    log_probs = graph.add("LogSoftmax", logits, axis=-1)
    log_probs, ids = graph.add_many("TopK", 2, log_probs, num_best, axis=-1)
    graph.output(log_probs, "step_log_probs", "float", ["B", "beams", "best"])
    graph.output(ids, "step_ids", "int64", ["B", "beams", "best"])
    return graph.build()


def loop_graph(step: onnx.ModelProto) -> onnx.ModelProto:
    """A `step_graph` again and again, each time on the most probable token of the time before.

    Its inputs and outputs are those of the step without `step_`; `log_probs`, `ids` and `attention`
    are of every step, (T, B, beams, ·), the states those after the last. Two inputs are its own.
    `num_left` (B, 1) is how many tokens a row may still get: it is open until it has them, or EOS.
    The loop ends when no more than `until_open` rows are: at 0 it is a greedy search to its end, at
    the number of rows a single step.

    Args:
        step: The graph, quantised or not.
    """
    body, graph = Graph("body"), Graph("decoder")
    token_ids = body.add("Gather", "step_ids", graph.constant(0), axis=-1)
    is_end = body.add("Equal", token_ids, graph.constant(EOS_ID))
    one_less = body.add("Sub", "step_num_left", graph.constant(1))
    num_left = body.add("Where", is_end, graph.constant(0), one_less)
    is_open = body.add("Greater", num_left, graph.constant(0))
    num_open = body.add("ReduceSum", body.add("Cast", is_open, to=TensorProto.INT64), keepdims=0)
    goes_on = body.add("Greater", num_open, "until_open")

    states = [value for value in step.graph.input if value.name.startswith("step_state_")]
    found = [value for value in step.graph.output if not value.name.startswith("step_next_")]
    shared = [value for value in step.graph.input if not value.name.startswith(_INNER)]
    after = [f"step_next_{_outer(state)}" for state in states]
    # Before and after a step: a condition, the tokens, how many are left, the states.
    body.nodes[:0] = step.graph.node
    loop_body = helper.make_graph(
        body.nodes,
        "body",
        [
            _value("step_number", TensorProto.INT64, []),
            _value("step_condition", TensorProto.BOOL, []),
            _value("step_token_ids", TensorProto.INT64, ["B", "beams"]),
            _value("step_num_left", TensorProto.INT64, ["B", "left"]),
            *states,
        ],
        [
            _value(goes_on, TensorProto.BOOL, []),
            _value(token_ids, TensorProto.INT64, ["B", "beams"]),
            _value(num_left, TensorProto.INT64, ["B", "beams"]),
            *[value for value in step.graph.output if value.name in after],
            *found,
        ],
    )
    graph.input("token_ids", "int64", ["B", "beams"])
    graph.input("num_left", "int64", ["B", 1])
    graph.input("until_open", "int64", [])
    graph.inputs += [_like(state, _outer(state)) for state in states] + shared
    # No outputs are left out: ONNX Runtime 1.32 crashes on a Loop that has some without a name.
    unread = ["last_token_ids", "last_num_left"]
    graph.nodes.append(
        helper.make_node(
            "Loop",
            ["", "", "token_ids", "num_left", *map(_outer, states)],
            [*unread, *[f"next_{_outer(state)}" for state in states], *map(_outer, found)],
            body=loop_body,
        )
    )
    graph.outputs += [_like(state, f"next_{_outer(state)}") for state in states]
    graph.outputs += [_like(value, _outer(value), "T") for value in found]
    graph.constants += step.graph.initializer
    return graph.build()


def _features(graph: Graph, network: Seq2Seq, outputs: str, num_parts: int) -> str:
    """Of the next token, of the top layer's outputs (B, beams, H); looks at the source.

    The first `num_parts` states are the layers'; those of coverage come next.
    """
    decoder, size = network.decoder, network.config.hidden_size
    reader, bias = map(array, readers(decoder))
    num_features, num_read = decoder.W_c.out_features, len(reader)
    read, words = graph.linear(outputs, reader[:, -size:], bias), ""
    if decoder.attention is not None:
        num_words = 0 if decoder.lexical is None else num_features
        weights = _look(graph, network, outputs, num_parts)
        values = graph.input("values", "float", ["B", "S", num_read + num_words])
        found = graph.add("MatMul", weights, values)
        if num_words:
            found, words = graph.split(found, [num_read, num_words])
        read = graph.add("Add", read, found)
    if decoder.deep_output is None:
        return _with_words(graph, read, words)
    read, hidden = graph.split(read, [num_features, num_read - num_features])
    return _deep_output(graph, decoder.deep_output, _with_words(graph, read, words), hidden)


def _with_words(graph: Graph, read: str, words: str) -> str:
    features = graph.add("Tanh", read)
    return graph.add("Add", features, words) if words else features


def _deep_output(graph: Graph, deep: DeepOutput, features: str, hidden: str) -> str:
    """`DeepOutput` of features (B, beams, E); `hidden` is what W_1 makes of all else."""
    num_features = len(deep.W_2.weight)
    reader = array(deep.W_1.weight)[:, :num_features]
    hidden = graph.add("Tanh", graph.add("Add", hidden, graph.linear(features, reader)))
    found = graph.linear(hidden, array(deep.W_2.weight), array(deep.W_2.bias))
    return graph.add("Add", features, found)


def _look(graph: Graph, network: Seq2Seq, outputs: str, num_parts: int) -> str:
    """The weights of the attention (B, beams, S), which are given out, too."""
    coverage = network.decoder.coverage
    keys = graph.input("keys", "float", ["B", network.config.hidden_size, "S"])
    barred = graph.input("barred", "float", ["B", 1, "S"])
    scores = graph.add("Add", graph.add("MatMul", outputs, keys), barred)
    weights = graph.add("Softmax", scores, axis=-1)
    if coverage is not None:
        names = [f"state_{num_parts + i}" for i, _ in enumerate(Looks._fields)]
        more = _second_look(graph, coverage, outputs, weights, names)
        weights = graph.add("Softmax", graph.add("Add", scores, more), axis=-1)
    graph.output(weights, "step_attention", "float", ["B", "beams", "S"])
    return weights


def _second_look(
    graph: Graph, coverage: Coverage, outputs: str, weights: str, names: Sequence[str]
) -> str:
    """What `Coverage` adds to the scores (B, beams, S); `Looks` are the states of these names."""
    shape: Shape = ["B", "beams", "S"]
    before = [graph.input(f"step_{name}", "float", shape) for name in names]
    after = [graph.add("Add", before[0], weights), weights]
    for part, name in zip(after, names, strict=True):
        graph.output(part, f"step_next_{name}", "float", shape)
    # The beams are the lines of an image with two channels, and U a filter that is one line high.
    channels = [graph.add("Unsqueeze", part, graph.constant([1])) for part in before]
    image = graph.add("Concat", *channels, axis=1)
    assert coverage.U.bias is not None
    kernel, bias = array(coverage.U.weight)[:, :, None], array(coverage.U.bias)
    reach = kernel.shape[-1] // 2
    found = graph.add(
        "Conv", image, graph.constant(kernel), graph.constant(bias), pads=[0, reach, 0, reach]
    )
    features = graph.add("Transpose", graph.add("Tanh", found), perm=[0, 2, 1, 3])
    asked = graph.linear(outputs, array(coverage.Q.weight), array(coverage.Q.bias))
    asked = graph.add("Unsqueeze", asked, graph.constant([2]))
    scores = graph.add("Squeeze", graph.add("MatMul", asked, features), graph.constant([2]))
    hops = graph.input("hops", "float", ["B", "S", "S"])
    return graph.add("Add", scores, graph.add("MatMul", weights, hops))


def _value(name: str, kind: int, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _like(value: onnx.ValueInfoProto, name: str, *before: str) -> onnx.ValueInfoProto:
    """The same under another name, with more dimensions before its own."""
    tensor = value.type.tensor_type
    shape = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return _value(name, tensor.elem_type, [*before, *shape])


def _outer(value: onnx.ValueInfoProto) -> str:
    return value.name.removeprefix(_INNER)
