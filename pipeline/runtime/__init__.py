"""Decoding from exported graphs by ONNX Runtime, with numpy alone: no torch.

folder   what an exported folder holds
model    the encoder's and the decoder's graph
search   greedy and beam search over them
"""
