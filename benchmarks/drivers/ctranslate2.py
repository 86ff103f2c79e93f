"""Drives CTranslate2, with a Transformer of random weights: it has no RNN, and speed is all asked.

Layers as Vaswani et al. (2017) have them: post-norm, ReLU, a feed-forward network of four times the
size, and one matrix for both embeddings and the softmax. The vocabulary is that of the tokenizer.
"""

import tempfile
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerSpec
from sentencepiece import SentencePieceProcessor

from benchmarks.drivers.measure import Translate, decode, serve

_HEAD_SIZE = 32


def random_transformer(tokenizer: SentencePieceProcessor, layers: int, size: int) -> Any:
    """Its specification, as a converter would make it of trained weights."""
    draw = np.random.default_rng(1)
    spec = TransformerSpec.from_config((layers, layers), size // _HEAD_SIZE, pre_norm=False)
    pieces = [tokenizer.id_to_piece(i) for i in range(tokenizer.get_piece_size())]
    embedding = matrix(draw, len(pieces), size)
    for side in (*spec.encoder.embeddings, spec.decoder.embeddings, spec.decoder.projection):
        side.weight = embedding
    spec.decoder.projection.bias = np.zeros(len(pieces), dtype=np.float32)
    for layer in (*spec.encoder.layer, *spec.decoder.layer):
        attentions = [getattr(layer, name, None) for name in ("self_attention", "attention")]
        for i, attention in enumerate(filter(None, attentions)):
            # of the self-attention: queries, keys and values in one; then what is made of them
            shapes = [(3 * size, size), (size, size)]
            if i:  # of the attention to the source: queries; keys and values; what is made of them
                shapes = [(size, size), (2 * size, size), (size, size)]
            for linear, shape in zip(attention.linear, shapes, strict=True):
                fill(linear, matrix(draw, *shape))
            normalise(attention.layer_norm, size)
        fill(layer.ffn.linear_0, matrix(draw, 4 * size, size))
        fill(layer.ffn.linear_1, matrix(draw, size, 4 * size))
        normalise(layer.ffn.layer_norm, size)
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    return spec


def matrix(draw: np.random.Generator, num_rows: int, num_columns: int) -> Any:
    """Random weights."""
    return draw.normal(0, num_columns**-0.5, (num_rows, num_columns)).astype(np.float32)


def fill(linear: Any, weight: Any) -> None:
    """Give a linear layer this weight, and no bias to speak of."""
    linear.weight = weight
    linear.bias = np.zeros(len(weight), dtype=np.float32)


def normalise(layer_norm: Any, size: int) -> None:
    """A layer normalisation that has learnt nothing."""
    layer_norm.gamma = np.ones(size, dtype=np.float32)
    layer_norm.beta = np.zeros(size, dtype=np.float32)


def load(request: dict[str, Any]) -> tuple[Translate, dict[str, Any]]:
    """The translator, and how many parameters it has."""
    tokenizer = SentencePieceProcessor(model_file=request["tokenizer"])
    spec = random_transformer(tokenizer, request["layers"], request["size"])
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        num_parameters = count(spec)
        spec.validate()
        spec.optimize(quantization="int8")
        model.mkdir()
        spec.save(str(model))
        translator = ctranslate2.Translator(
            str(model),
            compute_type="int8",
            inter_threads=request["inter_threads"],
            intra_threads=request["intra_threads"],
        )

    def translate(
        lines: list[str], *, batch_size: int, beam_size: int, length: int | None
    ) -> list[str]:
        assert length is not None, "random weights have no lengths of their own"
        found = translator.translate_batch(
            tokenizer.encode(lines, out_type=str),
            max_batch_size=batch_size,
            beam_size=beam_size,
            min_decoding_length=length,
            max_decoding_length=length,
        )
        return [tokenizer.decode(each.hypotheses[0]) for each in found]

    return translate, {"num_parameters": num_parameters}


def count(spec: Any) -> int:
    """Parameters, a matrix that several layers share once."""
    arrays = [each for each in spec.variables().values() if isinstance(each, np.ndarray)]
    return sum({each.ctypes.data: each.size for each in arrays}.values())


if __name__ == "__main__":
    serve({"decode": lambda request: decode(request, load)})
