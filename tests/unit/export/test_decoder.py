from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.batch import collate_sources
from pipeline.nn.config import CellName
from pipeline.runtime.folder import ExportedFolder
from pipeline.runtime.model import OnnxModel
from pipeline.tokenizer import EOS_ID, Tokenizer
from tests.building import PREPARABLE
from tests.exporting import exported, tiny_translator

SOURCES = [[40, 51, 62], [], [70, 81, 92, 103, 114, 125], [13, 14]]
TOKENS = [[40, 51, 62, 73], [84, 95, 6, 17], [28, 39, 20, 31]]
BARRED = [0, 1, 2]  # PAD, UNK, BOS


def _model(trained: Any, folder: Path) -> OnnxModel:
    return OnnxModel(ExportedFolder.load(exported(trained, folder)), num_threads=1)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("values", PREPARABLE, ids=str)
def test_the_steps_give_the_numbers_of_the_network(
    tiny_tokenizer: Tokenizer, tmp_path: Path, cell: CellName, values: dict[str, Any]
) -> None:
    trained = tiny_translator(tiny_tokenizer, cell=cell, **values)
    model = _model(trained, tmp_path / "model")
    source_ids, source_lengths = collate_sources(SOURCES)
    state = model.encode(source_ids.numpy(), source_lengths.numpy())
    with torch.no_grad():
        expected_state = trained.model.encode(source_ids, source_lengths)
        for token_ids in TOKENS:
            logits, expected_state = trained.model.step(torch.tensor(token_ids), expected_state)
            logits[:, BARRED] = -torch.inf
            expected = logits.log_softmax(dim=-1)
            steps, state = model.step(np.array(token_ids)[:, None], state, num_best=5)
            found = torch.from_numpy(steps.log_probs[0, :, 0])
            torch.testing.assert_close(found, expected.topk(5).values, rtol=1e-4, atol=1e-4)
            ids = torch.from_numpy(steps.ids[0, :, 0])
            torch.testing.assert_close(found, expected.gather(1, ids), rtol=1e-4, atol=1e-4)
            if values.get("attention") == "none":
                assert steps.attention is None
                continue
            assert steps.attention is not None
            weights = torch.from_numpy(steps.attention[0, :, 0])
            torch.testing.assert_close(
                weights, expected_state.attention_weights, rtol=1e-4, atol=1e-5
            )


def test_several_beams_of_a_sentence_are_as_many_rows(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    trained = tiny_translator(tiny_tokenizer, lexical=True, coverage=True)
    model = _model(trained, tmp_path / "model")
    ids, lengths = (each.numpy() for each in collate_sources(SOURCES))
    state = model.encode(ids, lengths)
    together, after = model.step(
        np.array(TOKENS).T, state.reorder(np.zeros((4, 3), np.int64)), num_best=2
    )
    for beam, token_ids in enumerate(TOKENS):
        alone, one = model.step(np.array(token_ids)[:, None], state, num_best=2)
        np.testing.assert_allclose(together.log_probs[0, :, beam], alone.log_probs[0, :, 0], 1e-4)
        for name, part in one.changing.items():
            np.testing.assert_allclose(after.changing[name][:, beam], part[:, 0], 1e-4, 1e-5)


def test_the_loop_is_its_steps_until_few_enough_are_open(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    trained = tiny_translator(tiny_tokenizer, lexical=True, coverage=True)
    model = _model(trained, tmp_path / "model")
    ids, lengths = (each.numpy() for each in collate_sources(SOURCES))
    first = model.encode(ids, lengths)
    token_ids, num_left = np.full((4, 1), 2), np.array([30, 3, 20, 12])
    state, tokens, numbers, num_open = first, token_ids, [], []
    is_open = np.ones(4, bool)
    for step in range(1, 31):
        steps, state = model.step(tokens, state, num_best=1)
        tokens = steps.ids[0, :, :, 0]
        numbers.append(tokens[:, 0])
        is_open &= (tokens[:, 0] != EOS_ID) & (step < num_left)
        num_open.append(int(is_open.sum()))
    assert num_open[0] > 1
    for until_open in (3, 1, 0):
        found, last = model.generate(token_ids, first, num_left=num_left, until_open=until_open)
        num_steps = next(i for i, num in enumerate(num_open, start=1) if num <= until_open)
        assert found.ids[:, :, 0, 0].tolist() == np.array(numbers[:num_steps]).tolist()
        assert last.changing["state_0"].shape == (4, 1, 16)
