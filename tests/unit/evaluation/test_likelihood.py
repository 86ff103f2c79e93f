from pathlib import Path

import pytest
import torch

from pipeline.batch import collate
from pipeline.evaluation.likelihood import candidate_log_probs, reference_nats
from pipeline.model_folder import load_model
from pipeline.nn.seq2seq import Seq2Seq


@pytest.fixture(scope="module")
def model(tiny_chat_folder: Path) -> Seq2Seq:
    return load_model(tiny_chat_folder).model.eval()


_SOURCES = [[10, 11, 12], [], [40, 10], [50] * 20]
_TARGETS = [[20, 21], [], [30, 31, 32, 33], [20] * 300, [22]]


def test_each_candidate_gets_the_loss_of_its_pair_alone(model: Seq2Seq) -> None:
    candidates = [[3, 1], [0, 0], [4, 2], [1, 3]]
    found = candidate_log_probs(model, _SOURCES, _TARGETS, candidates, batch_size=3)
    with torch.inference_mode():
        expected = [
            [-float(model.loss(collate([source], [_TARGETS[i]])).nats_sum) for i in row]
            for source, row in zip(_SOURCES, candidates, strict=True)
        ]
    assert found.tolist() == [pytest.approx(row, rel=1e-4) for row in expected]


def test_candidates_add_up_to_the_nats_of_the_references(model: Seq2Seq) -> None:
    targets = _TARGETS[:4]
    own = candidate_log_probs(model, _SOURCES, targets, [[i] for i in range(4)], batch_size=2)
    nats, num_tokens = reference_nats(model, _SOURCES, targets, batch_size=2)
    assert float(-own.sum()) == pytest.approx(nats, rel=1e-4)
    assert num_tokens == 2 + 0 + 4 + 300 + 4
