from pathlib import Path

import onnx
import pytest
import torch

from pipeline import OnnxTranslator, Translator
from pipeline.runtime.folder import DECODER_FILE, ENCODER_FILE
from pipeline.tokenizer import Tokenizer
from tests.exporting import LINES, exported, tiny_translator


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_int8_is_smaller_and_close(
    tiny_tokenizer: Tokenizer, tmp_path: Path, cell: str, capfd: pytest.CaptureFixture[str]
) -> None:
    trained = tiny_translator(tiny_tokenizer, cell=cell, lexical=True, hidden_size=64)
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.mul_(0.3)  # far from 0 and 1 a gate does not tell a wrong product
    full = exported(trained, tmp_path / "full")
    small = exported(trained, tmp_path / "small", precision="int8")
    assert capfd.readouterr() == ("", "")  # nor a log of the tools

    def size(folder: Path) -> int:
        return sum((folder / file).stat().st_size for file in (ENCODER_FILE, DECODER_FILE))

    assert size(small) < 0.5 * size(full)
    expected = Translator(trained).translate(LINES, beam_size=2)
    found = OnnxTranslator.from_pretrained(small).translate(LINES, beam_size=2)
    num_same = sum(one == other for one, other in zip(expected, found, strict=True))
    assert num_same > len(LINES) / 2


def test_the_products_of_a_step_are_all_in_int8(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    folder = exported(tiny_translator(tiny_tokenizer), tmp_path / "model", precision="int8")
    graph = onnx.load(folder / DECODER_FILE).graph
    (loop,) = graph.node
    (body,) = (attribute.g for attribute in loop.attribute if attribute.name == "body")
    operators = [node.op_type for node in body.node]
    assert operators.count("MatMulInteger") == 3  # W_hh, W_c, the softmax
    assert operators.count("MatMul") == 2  # of attention, where both sides come as they come
    largest = max(graph.initializer, key=lambda each: len(each.raw_data))
    assert largest.data_type == onnx.TensorProto.UINT8
