"""A trained translator as ONNX graphs, for a runtime without torch.

graph     a graph put together node by node
cells     GRU and LSTM in one
encoder   the encoder's graph            decoder   the decoder's, a loop
folder    what is written, and its card  quantization   int8
"""

from pipeline.export.folder import export_model, require_free

__all__ = ["export_model", "require_free"]
