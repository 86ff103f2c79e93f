import numpy as np
import onnx
import onnxruntime
import pytest

from pipeline.export.graph import Graph


def _run(graph: Graph, **inputs: object) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        graph.build().SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[np.ndarray] = session.run(None, inputs)
    return found


def test_a_graph_computes_what_was_added() -> None:
    graph = Graph("test")
    x = graph.input("x", "float", ["B", 2])
    products = graph.linear(x, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0.5, 0.0, 0.0])
    first, rest = graph.split(products, [1, 2])
    graph.output(first, "first", "float", ["B", 1])
    graph.output(graph.add("Add", rest, graph.constant(1.0)), "rest", "float", ["B", 2])
    found, more = _run(graph, x=np.array([[1, 1], [0, 1]], np.float32))
    assert found.tolist() == [[3.5], [2.5]]
    assert more.tolist() == [[8, 12], [5, 7]]


def test_constants_are_of_one_kind_of_number_each() -> None:
    graph = Graph("test")
    for values in (1, [2, 3], 0.5, np.ones(2)):
        graph.constant(values)
    kinds = [onnx.TensorProto.DataType.Name(each.data_type) for each in graph.constants]
    assert kinds == ["INT64", "INT64", "FLOAT", "FLOAT"]


def test_a_node_that_the_standard_does_not_know_is_an_error() -> None:
    graph = Graph("test")
    graph.output(graph.add("Ad", graph.input("x", "float", [1])), "y", "float", [1])
    with pytest.raises(onnx.checker.ValidationError, match="Ad"):
        graph.build()
