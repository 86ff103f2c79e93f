import pytest
import torch
from torch.nn import functional

from pipeline.batch import collate
from pipeline.errors import ConfigError
from pipeline.nn.cells import ElmanCell
from pipeline.nn.config import CellName, EmbeddingName, ModelConfig
from pipeline.nn.language_model import LanguageModel

_TEXTS = [[5, 6, 7], [8], [9, 5, 5, 6, 10, 7]]
_V = 12


def _model(cell: CellName = "gru", **config: object) -> LanguageModel:
    torch.manual_seed(1)
    sizes = {"cell": cell, "hidden_size": 6, "embedding_dim": 4, "bidirectional": False}
    model = LanguageModel(
        ModelConfig(**{**sizes, **config}),  # type: ignore[arg-type]
        vocab_size=_V,
    )
    model.output_bias.data.normal_()
    return model.eval()


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "mingru", "sru"])
def test_a_token_is_predicted_from_those_before_it_alone(cell: CellName) -> None:
    model = _model(cell, num_layers=2)
    one, other = torch.tensor([[2, 5, 6, 7, 8]]), torch.tensor([[2, 5, 6, 9, 3]])
    before, after = model(one), model(other)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3], after[:, 3])


def test_a_model_that_reads_backwards_is_refused() -> None:
    with pytest.raises(ConfigError, match="^model.bidirectional: expected false, got true"):
        _model(bidirectional=True)


@pytest.mark.parametrize("embedding", ["learned", "one_hot"])
@pytest.mark.parametrize("tie_embeddings", [False, True])
def test_the_loss_is_that_of_each_sentence_alone(
    embedding: EmbeddingName, tie_embeddings: bool
) -> None:
    model = _model(embedding=embedding, tie_embeddings=tie_embeddings)
    together = model.loss(collate(_TEXTS, _TEXTS))
    nats = 0.0
    for text in _TEXTS:
        logits = model.logits(model(torch.tensor([[2, *text]])))[0]
        labels = torch.tensor([*text, 3])
        nats += functional.cross_entropy(logits, labels, reduction="sum").item()
    assert float(together.nats_sum) == pytest.approx(nats, rel=1e-5)
    assert together.num_predictions == sum(len(text) + 1 for text in _TEXTS)


def test_the_features_by_the_equations() -> None:
    model = _model("elman")
    cell = model.encoder.layers[0].forward_cell
    assert isinstance(cell, ElmanCell)
    h = torch.zeros(6)
    for x in model.encoder.embedding(torch.tensor([2, 5])):
        h = torch.tanh(h @ cell.W_hh + x @ cell.W_xh)
    expected = torch.tanh(model.features.weight @ h + model.features.bias)
    features = model(torch.tensor([[2, 5]]))[0, -1]
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-6)


def test_the_source_is_not_read() -> None:
    model = _model()
    one, other = model.loss(collate(_TEXTS, _TEXTS)), model.loss(collate([[4]] * 3, _TEXTS))
    assert torch.equal(one.nats_sum, other.nats_sum)


def test_tied_embeddings_are_one_matrix() -> None:
    model = _model()
    assert model.output_weight is model.encoder.embedding.get_parameter("weight")
    untied = _model(tie_embeddings=False)
    assert untied.output_weight is not untied.encoder.embedding.get_parameter("weight")
    assert untied.output_weight.shape == (_V, 4)
    assert _model(embedding="one_hot").output_weight.shape == (_V, 4)
