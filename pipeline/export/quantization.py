"""Weights in 8 bits, by ONNX Runtime's own tools."""

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

_QUANTIZED = ["MatMul", "Gather"]


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with products in int8, and tables of 8 bits a number.

    Each weight has one scale, what it is multiplied with one that is found as it comes (dynamic
    quantisation). Recurrent operators stay in float32: the tools know none of a GRU.
    """
    # They would advise to optimise the graph before: it is as small as it can be.
    add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        quantize_dynamic(
            model,
            path,
            op_types_to_quantize=_QUANTIZED,
            # Unsigned, which is as fast, and which no processor adds up in 16 bits.
            weight_type=QuantType.QUInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        return onnx.load(path)
