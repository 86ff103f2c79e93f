from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.prepared import PreparedSeq2Seq, PreparedState, can_be_prepared
from pipeline.nn.seq2seq import Seq2Seq
from tests.building import PREPARABLE

VOCAB_SIZE = 30
SOURCES = [[4, 5, 6], [], [7, 8, 9, 10, 11, 12], [13, 4], [5, 4]]
TOKENS = torch.tensor([[4, 5, 6, 7, 8], [9, 8, 7, 6, 5], [10, 11, 12, 13, 14]])


def build(cell: CellName = "gru", **values: Any) -> Seq2Seq:
    torch.manual_seed(3)
    config = ModelConfig(
        cell=cell, **{"embedding_dim": 6, "hidden_size": 8, "num_heads": 2, **values}
    )
    network = Seq2Seq(
        config,
        source_vocab_size=VOCAB_SIZE,
        target_vocab_size=VOCAB_SIZE,
        joint_vocabulary=config.tie_embeddings,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # biases too
    return network.eval()


def unrolled(model: Any, rows: Tensor | None = None) -> tuple[Tensor, Any]:
    """The logits of each step; before the second, `rows` take the place of the rows."""
    with torch.no_grad():
        state = model.encode(*collate_sources(SOURCES))
        found = []
        for t, token_ids in enumerate(TOKENS):
            if t == 1 and rows is not None:
                state = state.select(rows)
            logits, state = model.step(token_ids, state)
            found.append(logits)
    return torch.stack(found), state


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("values", PREPARABLE, ids=str)
def test_it_gives_the_numbers_of_the_network(cell: CellName, values: dict[str, Any]) -> None:
    network = build(cell, **values)
    expected, expected_state = unrolled(network)
    found, state = unrolled(PreparedSeq2Seq(network))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    if values.get("attention") == "none":
        assert state.attention_weights is None
    else:
        torch.testing.assert_close(state.attention_weights, expected_state.attention_weights)


@pytest.mark.parametrize(
    "values", [{"lexical": True}, {"coverage": True}, {"attention": "none"}], ids=str
)
def test_rows_are_selected_as_those_of_the_network(values: dict[str, Any]) -> None:
    network = build("lstm", **values)
    rows = torch.tensor([4, 0, 0, 2, 1])
    expected, _ = unrolled(network, rows)
    found, _ = unrolled(PreparedSeq2Seq(network), rows)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_to_reorder_the_rows_of_one_source_is_to_select_them() -> None:
    model = PreparedSeq2Seq(build(lexical=True, coverage=True))
    state = model.encode(*collate_sources(SOURCES[:2])).select(torch.tensor([0, 0, 1, 1]))
    _, state = model.step(torch.tensor([4, 5, 6, 7]), state)
    rows, token_ids = torch.tensor([1, 0, 3, 3]), torch.tensor([8, 9, 10, 11])
    expected, selected = model.step(token_ids, state.select(rows))
    found, reordered = model.step(token_ids, state.reorder(rows))
    assert torch.equal(found, expected)
    assert not torch.equal(found, model.step(token_ids, state)[0])
    assert isinstance(selected, PreparedState)
    torch.testing.assert_close(reordered.attention_weights, selected.attention_weights)


def test_a_sentence_alone_has_the_numbers_that_it_has_in_company() -> None:
    model = PreparedSeq2Seq(build(num_layers=2, lexical=True, coverage=True))
    together, _ = unrolled(model)
    for row, source in enumerate(SOURCES):
        state = model.encode(*collate_sources([source]))
        for t, token_ids in enumerate(TOKENS):
            logits, state = model.step(token_ids[row : row + 1], state)
            torch.testing.assert_close(logits[0], together[t, row], rtol=0, atol=1e-5)


def test_in_bf16_the_numbers_are_close() -> None:
    network = build(hidden_size=64, embedding_dim=32, lexical=True, coverage=True)
    expected, _ = unrolled(network)
    found, _ = unrolled(PreparedSeq2Seq(network, torch.bfloat16))
    assert found.dtype == torch.bfloat16
    assert float((found.float() - expected).norm()) < 0.02 * float(expected.norm())


def test_the_network_stays_as_it_is() -> None:
    network = build().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    PreparedSeq2Seq(network, torch.bfloat16)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    "values",
    [
        {"cell": "elman"},
        {"cell": "ln_lstm"},
        {"attention": "additive"},
        {"attention": "multi_head"},
        {"attention_after": "each", "num_layers": 2},
        {"input_feeding": True},
        {"memory": "recurrent"},
    ],
    ids=str,
)
def test_what_it_does_not_know_it_does_not_take(values: dict[str, Any]) -> None:
    assert not can_be_prepared(build(**values))
