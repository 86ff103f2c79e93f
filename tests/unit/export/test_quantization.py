from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from pipeline.model_folder import TrainedModel
from pipeline.runtime.folder import DECODER_FILE, ENCODER_FILE, ExportedFolder
from pipeline.runtime.model import OnnxModel, collate_sources
from pipeline.tokenizer import BOS_ID, Tokenizer
from tests.exporting import LINES, exported, tiny_translator


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_int8_is_smaller_and_close(
    tiny_tokenizer: Tokenizer, tmp_path: Path, cell: str, capfd: pytest.CaptureFixture[str]
) -> None:
    values: dict[str, Any] = {
        "lexical": True,
        "coverage": True,
        "deep_output": True,
        "hidden_size": 64,
    }
    trained = tiny_translator(tiny_tokenizer, cell=cell, **values)
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.mul_(0.3)  # far from 0 and 1 a gate does not tell a wrong product
    full = exported(trained, tmp_path / "full")
    small = exported(trained, tmp_path / "small", precision="int8")
    assert capfd.readouterr() == ("", "")  # nor a log of the tools

    def size(folder: Path) -> int:
        return sum((folder / file).stat().st_size for file in (ENCODER_FILE, DECODER_FILE))

    assert size(small) < 0.5 * size(full)
    expected, found = (_log_probs(folder, trained) for folder in (full, small))
    assert expected.std() > 0.3
    assert np.abs(found - expected).mean() < 0.03 * expected.std()


def _log_probs(folder: Path, trained: TrainedModel) -> NDArray[np.float32]:
    """Of each piece, after each of a few tokens of each line."""
    model = OnnxModel(ExportedFolder.load(folder), num_threads=1)
    state = model.encode(*collate_sources(trained.source_tokenizer.encode_batch(LINES)))
    vocab_size, by_step = len(trained.target_tokenizer), []
    for token_id in range(BOS_ID, vocab_size, vocab_size // 5):
        token_ids = np.full((len(LINES), 1), token_id)
        steps, state = model.step(token_ids, state, num_best=vocab_size)
        order = np.argsort(steps.ids[0, :, 0], axis=-1)
        by_step.append(np.take_along_axis(steps.log_probs[0, :, 0], order, axis=-1))
    log_probs = np.stack(by_step)
    return log_probs[np.isfinite(log_probs)]  # some pieces are never said


def test_the_products_of_a_step_are_all_in_int8(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    folder = exported(tiny_translator(tiny_tokenizer), tmp_path / "model", precision="int8")
    graph = onnx.load(folder / DECODER_FILE).graph
    operators = _operators(graph, "Loop")
    assert operators.count("MatMulInteger") == 3  # W_hh, W_c, the softmax
    assert operators.count("MatMul") == 2  # of attention, where both sides come as they come
    _expect_bytes(graph)


def test_the_products_of_the_encoder_are_too(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    trained = tiny_translator(tiny_tokenizer, num_layers=2)
    graph = onnx.load(exported(trained, tmp_path / "model", precision="int8") / ENCODER_FILE).graph
    assert _operators(graph, "Scan").count("MatMulInteger") == 4  # two layers, two directions
    assert "MatMul" not in [node.op_type for node in graph.node] + _operators(graph, "Scan")
    _expect_bytes(graph)


def test_two_products_of_a_step_do_not_overflow_16_bits(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    # A processor without VNNI adds up two products, of a weight and of 8 bits without a sign each.
    folder = exported(tiny_translator(tiny_tokenizer), tmp_path / "model", precision="int8")
    for file in (ENCODER_FILE, DECODER_FILE):
        graph = onnx.load(folder / file).graph
        weights = [numpy_helper.to_array(each) for each in graph.initializer]
        signed = [each.astype(int) for each in weights if each.dtype == np.int8 and each.ndim == 2]
        assert signed
        assert max(np.abs(each).max() for each in signed) * 2 * 255 < 2**15


def _operators(graph: onnx.GraphProto, outer: str) -> list[str]:
    """Those that run again and again."""
    bodies = [
        attribute.g
        for node in graph.node
        if node.op_type == outer
        for attribute in node.attribute
        if attribute.name == "body"
    ]
    return [node.op_type for body in bodies for node in body.node]


def _expect_bytes(graph: onnx.GraphProto) -> None:
    largest = max(graph.initializer, key=lambda each: len(each.raw_data))
    assert largest.data_type in (onnx.TensorProto.UINT8, onnx.TensorProto.INT8)
