"""The network: cells, attention, encoder, decoder, loss. Tensors in, tensors out; no text."""
