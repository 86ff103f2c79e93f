import pytest
import torch

from pipeline.batch import collate, collate_sources
from pipeline.decoding import score_targets
from pipeline.nn.config import AttentionName, CellName
from pipeline.tokenizer import BOS_ID, EOS_ID
from tests.unit.decoding.test_search import SOURCES, A, B, Script, network, seeds

TARGETS = [[4, 4, 6], [], [5], [6, 5, 4, 6, 6], [4], [5, 6]]


@seeds
@pytest.mark.parametrize(("cell", "attention"), [("gru", "dot"), ("lstm", "none")])
def test_the_score_is_the_loss_in_nats(seed: int, cell: CellName, attention: AttentionName) -> None:
    model = network(seed, cell, attention)
    scores = score_targets(model, *collate_sources(SOURCES), TARGETS)
    losses = [
        float(model.loss(collate([source], [target])).nats_sum.detach())
        for source, target in zip(SOURCES, TARGETS, strict=True)
    ]
    assert scores.tolist() == pytest.approx([-loss for loss in losses], abs=1e-4)
    whole = float(model.loss(collate(SOURCES, TARGETS)).nats_sum.detach())
    assert float(scores.sum()) == pytest.approx(-whole, abs=1e-3)


def test_the_score_by_hand() -> None:
    model = Script({BOS_ID: {A: 0.5, B: 0.5}, A: {B: 0.25, EOS_ID: 0.75}, B: {EOS_ID: 1.0}})
    source_ids, source_lengths = collate_sources([[A], [A], [A]])
    scores = score_targets(model, source_ids, source_lengths, [[A], [A, B], []])
    assert scores.exp().tolist() == pytest.approx([0.375, 0.125, 0.0])


def test_scoring_leaves_no_gradient() -> None:
    scores = score_targets(network(0), *collate_sources(SOURCES), TARGETS)
    assert not scores.requires_grad
    assert torch.is_grad_enabled()
