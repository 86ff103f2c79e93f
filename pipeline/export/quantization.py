"""Weights in 8 bits, by ONNX Runtime's own tools."""

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

_QUANTIZED = ["MatMul", "Gather"]


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with products in int8, and tables of 8 bits a number.

    Each column of a weight has a scale, and what it is multiplied with one that is found as it
    comes (dynamic quantisation).
    """
    # They would advise to optimise the graph before: it is as small as it can be.
    add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        quantize_dynamic(
            model,
            path,
            op_types_to_quantize=_QUANTIZED,
            # Signed weights are what a processor with VNNI multiplies fastest. One without adds two
            # products up in 16 bits, which weights of 7 bits cannot overflow: 2 * 255 * 64 < 2^15.
            weight_type=QuantType.QInt8,
            reduce_range=True,
            per_channel=True,
            extra_options={"MatMulConstBOnly": True},
        )
        return onnx.load(path)
