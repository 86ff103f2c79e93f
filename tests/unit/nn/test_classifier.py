import pytest
import torch
from torch.nn import functional

from pipeline.batch import LabelledBatch, collate_labelled
from pipeline.errors import ConfigError
from pipeline.nn.cells import ElmanCell
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.config import CellName, ModelConfig

_SOURCES = [[5, 6, 7], [8], [9, 5, 5, 6, 10, 7], []]
_LABELS = [2, 0, 1, 1]


def _classifier(cell: CellName = "gru", **config: object) -> SequenceClassifier:
    torch.manual_seed(1)
    sizes = {"cell": cell, "hidden_size": 6, "embedding_dim": 4, "dropout": 0.3}
    return SequenceClassifier(
        ModelConfig(**{**sizes, **config}),  # type: ignore[arg-type]
        vocab_size=12,
        num_labels=3,
    ).eval()


def _batch() -> LabelledBatch:
    return collate_labelled(_SOURCES, _LABELS)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "mingru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sentence_alone_is_as_in_a_batch(cell: CellName, bidirectional: bool) -> None:
    model = _classifier(cell, bidirectional=bidirectional, num_layers=2)
    batch = _batch()
    together = model(batch.source_ids, batch.source_lengths)
    for row, source in enumerate(_SOURCES):
        one = collate_labelled([source], [0])
        alone = model(one.source_ids, one.source_lengths)
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-6)


def test_the_logits_by_the_equations() -> None:
    model = _classifier("elman", bias=True, bidirectional=False)
    cell = model.encoder.layers[0].forward_cell
    assert isinstance(cell, ElmanCell)
    assert cell.b_h is not None
    cell.b_h.data.normal_()
    assert model.W_hy is not None
    batch = collate_labelled([[5, 6]], [0])
    h = torch.zeros(6)
    for x in model.encoder.embedding(batch.source_ids[0]):
        h = torch.tanh(h @ cell.W_hh + x @ cell.W_xh + cell.b_h)
    y = model.W_hy.weight @ h + model.W_hy.bias
    logits = model(batch.source_ids, batch.source_lengths)[0]
    torch.testing.assert_close(logits, y, rtol=0, atol=1e-6)


def test_the_top_layer_is_read() -> None:
    model, batch = _classifier(num_layers=2, bidirectional=True), _batch()
    assert model.W_hy is not None
    *_, top = model.encoder(batch.source_ids, batch.source_lengths).final_states
    logits = model(batch.source_ids, batch.source_lengths)
    torch.testing.assert_close(logits, model.W_hy(top))


def test_without_a_readout_the_state_is_the_logits() -> None:
    model = _classifier("elman", hidden_size=3, readout=False, bidirectional=False)
    batch = _batch()
    logits = model(batch.source_ids, batch.source_lengths)
    states = model.encoder(batch.source_ids, batch.source_lengths).final_states[-1]
    assert torch.equal(logits, states)
    assert all("W_hy" not in name for name, _ in model.named_parameters())


def test_without_a_readout_each_label_needs_a_unit() -> None:
    message = "expected a unit for each of the 3 labels, got 4"
    with pytest.raises(ConfigError, match=f"^model.hidden_size: .*{message}"):
        _classifier("elman", hidden_size=4, readout=False, bidirectional=False)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_the_loss_is_torchs(label_smoothing: float) -> None:
    model, batch = _classifier(), _batch()
    loss = model.loss(batch, label_smoothing=label_smoothing)
    logits = model(batch.source_ids, batch.source_lengths)
    expected = functional.cross_entropy(
        logits, batch.labels, reduction="sum", label_smoothing=label_smoothing
    )
    plain = functional.cross_entropy(logits, batch.labels, reduction="sum")
    torch.testing.assert_close(loss.objective_sum, expected)
    torch.testing.assert_close(loss.nats_sum, plain)
    assert not loss.nats_sum.requires_grad
    assert loss.num_predictions == 4


def test_padding_gets_no_gradient() -> None:
    model, batch = _classifier(), _batch()
    model.loss(batch).objective_sum.backward()
    gradient = model.encoder.embedding.get_parameter("weight").grad
    assert gradient is not None
    assert not gradient[0].any()
    assert gradient[5].any()
