"""An ONNX graph that is put together node by node; a value is known by its name."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
_IR_VERSION = 9  # of onnx 1.15: what builds a graph may be newer than what runs it
_TYPES = {
    "bool": TensorProto.BOOL,
    "float": TensorProto.FLOAT,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}

Shape = Sequence[str | int]
"""Sizes; of those that differ from call to call the names."""


class Graph:
    """Nodes and constants, in the order in which they were added.

    Args:
        name: Stands in the file, and before the names that are made up.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: str, shape: Shape) -> str:
        """A value that is given; `kind` is `bool`, `float`, `int32` or `int64`."""
        self.inputs.append(helper.make_tensor_value_info(name, _TYPES[kind], shape))
        return name

    def output(self, value: str, name: str, kind: str, shape: Shape) -> None:
        """Give a value out under a name."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, _TYPES[kind], shape))

    def constant(self, values: ArrayLike) -> str:
        """A constant; whole numbers become int64, others float32."""
        array = np.asarray(values)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"{self.name}_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; its only output."""
        (output,) = self.add_many(operator, 1, *inputs, **attributes)
        return output

    def add_many(
        self, operator: str, num_outputs: int, *inputs: str, **attributes: Any
    ) -> list[str]:
        """Add a node; its outputs. An input of no name is left out."""
        number = len(self.nodes)
        outputs = [f"{self.name}_{operator}_{number}_{i}" for i in range(num_outputs)]
        node = helper.make_node(operator, inputs, outputs, name=outputs[0], **attributes)
        self.nodes.append(node)
        return outputs

    def linear(self, inputs: str, weight: ArrayLike, bias: ArrayLike | None = None) -> str:
        """Inputs (..., I) times a weight (O, I) as torch keeps it, plus a bias (O)."""
        product = self.add("MatMul", inputs, self.constant(np.asarray(weight).T.copy()))
        return product if bias is None else self.add("Add", product, self.constant(bias))

    def split(self, value: str, sizes: Sequence[int], *, axis: int = -1) -> list[str]:
        """A dimension, the last if none is named, in parts of these sizes."""
        return self.add_many("Split", len(sizes), value, self.constant(list(sizes)), axis=axis)

    def build(self) -> onnx.ModelProto:
        """The graph as a model, checked.

        Raises:
            onnx.checker.ValidationError: A node is not what the standard says.
        """
        graph = helper.make_graph(
            self.nodes, self.name, self.inputs, self.outputs, initializer=self.constants
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="seq2seq-pipeline"
        )
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        return model
