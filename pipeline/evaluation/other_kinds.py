"""Scores of the other kinds of RNN: a classifier, a language model, a forecaster."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from pipeline import metrics
from pipeline.batch import SeriesBatch
from pipeline.classifier import Classifier
from pipeline.evaluation.corpus import Numbers, Pairs
from pipeline.evaluation.likelihood import reference_nats
from pipeline.evaluation.scores import SplitScores
from pipeline.model_folder import TrainedModel
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel


@dataclass(frozen=True, kw_only=True)
class ClassificationScores(SplitScores):
    """What a classifier scored.

    Attributes:
        num_sentences: How many.
        accuracy: Share of labels that are right, 0 to 1.
        macro_f1: Mean of the F1 scores of the labels, each counting the same, 0 to 1.
        loss_nats_per_label: Negative log-probability of the right label.
        by_label: For each label its precision, recall, F1 and number of sentences.
        hypotheses: The labels that the model chose.
    """

    num_sentences: int
    accuracy: float
    macro_f1: float
    loss_nats_per_label: float
    by_label: dict[str, dict[str, float]]
    hypotheses: list[str]


@dataclass(frozen=True, kw_only=True)
class LanguageModelScores(SplitScores):
    """What a language model scored.

    Attributes:
        num_sentences: How many.
        loss_nats_per_token: EOS counted.
        perplexity_per_word: The same a word, whatever the pieces are.
        bits_per_character: The same a character, in bits.
    """

    num_sentences: int
    loss_nats_per_token: float
    perplexity_per_word: float
    bits_per_character: float


@dataclass(frozen=True, kw_only=True)
class ForecastScores(SplitScores):
    """What a forecaster scored, beside the forecast that tomorrow is like today.

    Attributes:
        num_values: How many were forecast, each from all those before it.
        loss_nats_per_value: Negative log-density.
        rmse: Root of the mean squared error, in the units of the series.
        mae: Mean absolute error.
        naive_rmse: The same of the value before as a forecast.
        naive_mae: The same of the value before as a forecast.
    """

    num_values: int
    loss_nats_per_value: float
    rmse: float
    mae: float
    naive_rmse: float
    naive_mae: float


def score_classifier(
    trained: TrainedModel, pairs: Pairs, *, batch_size: int = 64
) -> ClassificationScores:
    """Classify the sources, and compare with the references."""
    log_probs = Classifier(trained).log_probs(pairs.sources, batch_size=batch_size)
    hypotheses = [trained.labels[i] for i in log_probs.argmax(dim=-1).tolist()]
    right = torch.tensor([trained.labels.index(label) for label in pairs.references])
    by_label = metrics.scores_by_label(hypotheses, pairs.references)
    return ClassificationScores(
        split=pairs.split,
        num_sentences=len(hypotheses),
        accuracy=metrics.exact_match(hypotheses, pairs.references),
        macro_f1=float(np.mean([scores["f1"] for scores in by_label.values()])),
        loss_nats_per_label=-float(log_probs.gather(1, right.unsqueeze(1)).mean()),
        by_label=by_label,
        hypotheses=hypotheses,
    )


def score_language_model(
    trained: TrainedModel, pairs: Pairs, *, batch_size: int = 64
) -> LanguageModelScores:
    """The probability of the references."""
    network = trained.network.eval()
    assert isinstance(network, LanguageModel)
    encoded = trained.target_tokenizer.encode_batch(pairs.references)
    nats, num_tokens = reference_nats(network, encoded, encoded, batch_size=batch_size)
    return LanguageModelScores(
        split=pairs.split,
        num_sentences=len(encoded),
        loss_nats_per_token=nats / num_tokens,
        perplexity_per_word=metrics.perplexity_per_word(nats, pairs.references),
        bits_per_character=metrics.bits_per_character(nats, pairs.references),
    )


@torch.inference_mode()
def score_forecaster(trained: TrainedModel, numbers: Numbers) -> ForecastScores:
    """Forecast every number from those before it."""
    network = trained.network.eval()
    assert isinstance(network, Forecaster)
    values = torch.from_numpy(numbers.values).unsqueeze(0)
    loss = network.loss(SeriesBatch(values))
    means, _ = network(values[:, :-1])
    errors, naive_errors = values[:, 1:] - means, values.diff()
    return ForecastScores(
        split=numbers.split,
        num_values=errors.numel(),
        loss_nats_per_value=float(loss.nats_sum) / loss.num_predictions,
        rmse=math.sqrt(float(errors.square().mean())),
        mae=float(errors.abs().mean()),
        naive_rmse=math.sqrt(float(naive_errors.square().mean())),
        naive_mae=float(naive_errors.abs().mean()),
    )
