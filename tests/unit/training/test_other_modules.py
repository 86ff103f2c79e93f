import pytest
import torch

from pipeline.batch import SeriesBatch, collate, collate_labelled
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.config import ModelConfig
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.training.config import TrainerConfig
from pipeline.training.module import TrainingModule
from pipeline.training.other_modules import (
    ClassifierModule,
    ForecasterModule,
    LanguageModelModule,
)

_SIZES = ModelConfig(hidden_size=6, embedding_dim=4, bidirectional=False)
_TRAINER = TrainerConfig(ema_decay=0.0)


def _validate(module: TrainingModule, *batches: object) -> dict[str, float]:  # type: ignore[type-arg]
    module.eval()
    module._log = lambda *_, **__: None  # type: ignore[method-assign]
    module.on_validation_epoch_start()
    with torch.no_grad():
        for number, batch in enumerate(batches):
            module.validation_step(batch, number)  # type: ignore[arg-type]
    module.on_validation_epoch_end()
    return module.scores


def test_a_classifier_counts_the_labels_that_are_right() -> None:
    torch.manual_seed(1)
    network = SequenceClassifier(_SIZES, vocab_size=12, num_labels=3)
    sources = [[5, 6], [7], [8, 9, 10]]
    batch = collate_labelled(sources, [0, 0, 0])
    best = network.eval()(batch.source_ids, batch.source_lengths).argmax(dim=-1).tolist()
    module = ClassifierModule(network, _TRAINER, seed=1)
    right = collate_labelled(sources[:2], best[:2])
    wrong = collate_labelled(sources[2:], [(best[2] + 1) % 3])
    assert _validate(module, right, wrong)["val_accuracy"] == pytest.approx(2 / 3)
    assert _validate(module, right)["val_accuracy"] == 1  # nothing is left of the last one
    assert module.shown_scores()[1:] == ["accuracy 100.0%"]
    loss = network.loss(right)
    assert module.scores["val_loss"] == pytest.approx(loss.nats_sum.item() / 2, rel=1e-5)


def test_a_language_model_shows_its_perplexity() -> None:
    torch.manual_seed(1)
    network = LanguageModel(_SIZES, vocab_size=12)
    texts = [[5, 6], [7]]
    module = LanguageModelModule(network, _TRAINER, seed=1)
    scores = _validate(module, collate(texts, texts))
    assert set(scores) == {"val_loss"}
    perplexity = torch.tensor(scores["val_loss"]).exp().item()
    assert module.shown_scores()[1:] == [f"perplexity {perplexity:.1f} a token"]


def test_a_forecaster_shows_the_error_of_its_means() -> None:
    network = Forecaster(_SIZES)
    for parameter in network.W_hy.parameters():
        parameter.data.zero_()  # so that it forecasts the value before
    module = ForecasterModule(network, _TRAINER, seed=1)
    batches = [
        SeriesBatch(torch.tensor([[1.0, 2.0, 4.0]])),
        SeriesBatch(torch.tensor([[0.0, 3.0]])),
    ]
    expected = ((1 + 4 + 9) / 3) ** 0.5
    assert _validate(module, *batches)["val_rmse"] == pytest.approx(expected)
    assert _validate(module, batches[1])["val_rmse"] == 3  # nothing is left of the last one
    assert module.shown_scores()[1:] == ["RMSE 3.000"]
