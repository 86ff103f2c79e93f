import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from pipeline.data.config import DataConfig
from pipeline.evaluation import (
    ClassificationScores,
    ForecastScores,
    LanguageModelScores,
    Numbers,
    Pairs,
    score_classifier,
    score_forecaster,
    score_language_model,
)
from pipeline.model_folder import TrainedModel
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.tokenizer import BOS_ID, EOS_ID, Tokenizer
from tests.building import build_untrained

_LABELS = ["nein", "ja", "jain"]
_TEXTS = [
    "The little dog runs.",
    "A man in a red shirt is riding a bicycle over the green grass today.",
    "",
    "Two",
    "강아지가 풀밭에서 뛰어다녀요.",
    "water water water water water",
    "Where is the next railway station, please?",
]
_RIGHT = ["ja", "nein", "ja", "ja", "nein", "ja", "nein"]
_LABELLED = Pairs(split="test", sources=_TEXTS, references=_RIGHT)
_TEXT = Pairs(split="validation", sources=_TEXTS, references=_TEXTS)
_NUMBERS = Numbers(
    split="test", values=np.array([3.0, 5.0, 4.5, 4.5, -7.0, 2.0, 12.0], dtype=np.float32)
)


@pytest.fixture(scope="module")
def classifier(tiny_tokenizer: Tokenizer) -> TrainedModel:
    config = DataConfig(path="x", task="classification", labels=_LABELS)
    return build_untrained(config, tiny_tokenizer)


@pytest.fixture(scope="module")
def language_model(tiny_tokenizer: Tokenizer) -> TrainedModel:
    return build_untrained(DataConfig(path="x", task="language_model"), tiny_tokenizer)


@pytest.fixture(scope="module")
def forecaster() -> TrainedModel:
    trained = build_untrained(DataConfig(path="x", task="forecast"))
    assert isinstance(trained.network, Forecaster)
    trained.network.mean.fill_(2.0)
    trained.network.scale.fill_(5.0)
    return trained


@torch.inference_mode()
def _log_probs_by_hand(trained: TrainedModel, text: str) -> list[float]:
    """Of each label, the text alone."""
    ids = [*trained.source_tokenizer.encode(text), EOS_ID]
    logits = trained.network(torch.tensor([ids]), torch.tensor([len(ids)]))
    log_probs: list[float] = torch.log_softmax(logits[0], dim=-1).tolist()
    return log_probs


def _f1_by_hand(label: str, hypotheses: Sequence[str], references: Sequence[str]) -> float:
    pairs = list(zip(hypotheses, references, strict=True))
    right = sum(h == r == label for h, r in pairs)
    wrong = sum((h == label) != (r == label) for h, r in pairs)
    return right / (right + wrong / 2)


def test_scores_of_a_classifier_by_hand(classifier: TrainedModel) -> None:
    log_probs = [_log_probs_by_hand(classifier, text) for text in _TEXTS]
    chosen = [_LABELS[row.index(max(row))] for row in log_probs]
    scores = score_classifier(classifier, _LABELLED)
    assert scores.hypotheses == chosen
    assert 0 < scores.accuracy < 1
    assert scores.accuracy == sum(map(str.__eq__, chosen, _RIGHT)) / len(_RIGHT)
    nats = [-row[_LABELS.index(label)] for row, label in zip(log_probs, _RIGHT, strict=True)]
    assert scores.loss_nats_per_label == pytest.approx(sum(nats) / len(nats), rel=1e-4)
    there = sorted({*chosen, *_RIGHT})
    assert len(set(chosen)) > 1
    f1 = {label: _f1_by_hand(label, chosen, _RIGHT) for label in there}
    assert {label: of["f1"] for label, of in scores.by_label.items()} == pytest.approx(f1)
    assert scores.macro_f1 == pytest.approx(sum(f1.values()) / len(there))
    assert (scores.split, scores.num_sentences) == ("test", len(_TEXTS))


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_no_score_of_a_classifier_depends_on_the_batch_size(
    classifier: TrainedModel, batch_size: int
) -> None:
    together, cut = (
        score_classifier(classifier, _LABELLED, batch_size=size) for size in (64, batch_size)
    )
    assert cut.loss_nats_per_label == pytest.approx(together.loss_nats_per_label, rel=1e-5)
    assert replace(cut, loss_nats_per_label=0.0) == replace(together, loss_nats_per_label=0.0)


@torch.inference_mode()
def _nats_by_hand(trained: TrainedModel, text: str) -> list[float]:
    """Of each token of the text and of EOS, from the tokens before it, read anew each time."""
    network = trained.network
    assert isinstance(network, LanguageModel)
    read, nats = [BOS_ID], []
    for label in (*trained.target_tokenizer.encode(text), EOS_ID):
        logits = network.logits(network(torch.tensor([read]))[0, -1])
        nats.append(-float(torch.log_softmax(logits, dim=-1)[label]))
        read.append(label)
    return nats


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_scores_of_a_language_model_by_hand(language_model: TrainedModel, batch_size: int) -> None:
    nats = [n for text in _TEXTS for n in _nats_by_hand(language_model, text)]
    scores = score_language_model(language_model, _TEXT, batch_size=batch_size)
    assert scores.loss_nats_per_token == pytest.approx(sum(nats) / len(nats), rel=1e-4)
    num_words = sum(len(text.split()) + 1 for text in _TEXTS)
    num_characters = sum(len(text) + 1 for text in _TEXTS)
    assert scores.perplexity_per_word == pytest.approx(math.exp(sum(nats) / num_words), rel=1e-3)
    assert scores.bits_per_character == pytest.approx(
        sum(nats) / math.log(2) / num_characters, rel=1e-4
    )
    assert (scores.split, scores.num_sentences) == ("validation", len(_TEXTS))


def test_the_order_of_the_sentences_does_not_matter(language_model: TrainedModel) -> None:
    backwards = replace(_TEXT, sources=_TEXTS[::-1], references=_TEXTS[::-1])
    one, other = (score_language_model(language_model, pairs) for pairs in (_TEXT, backwards))
    assert one.loss_nats_per_token == pytest.approx(other.loss_nats_per_token, rel=1e-5)
    assert one.perplexity_per_word == pytest.approx(other.perplexity_per_word, rel=1e-4)
    assert one.bits_per_character == pytest.approx(other.bits_per_character, rel=1e-5)


def test_scores_of_a_forecaster_by_hand(forecaster: TrainedModel) -> None:
    values = _NUMBERS.values.tolist()
    errors, nats = [], []
    for t in range(1, len(values)):
        with torch.inference_mode():
            means, deviations = forecaster.network(torch.tensor([values[:t]]))
        mean, deviation = float(means[0, -1]), float(deviations[0, -1])
        errors.append(values[t] - mean)
        nats.append(-float(Normal(mean, deviation).log_prob(torch.tensor(values[t]))))
    scores = score_forecaster(forecaster, _NUMBERS)
    assert scores.num_values == len(errors) == 6
    assert scores.rmse == pytest.approx(math.sqrt(sum(e * e for e in errors) / 6), rel=1e-4)
    assert scores.mae == pytest.approx(sum(map(abs, errors)) / 6, rel=1e-4)
    assert scores.loss_nats_per_value == pytest.approx(sum(nats) / 6, rel=1e-4)
    assert scores.rmse > scores.mae
    assert scores.rmse != pytest.approx(scores.naive_rmse, rel=1e-2)


def test_scores_of_the_naive_forecast_by_hand(forecaster: TrainedModel) -> None:
    # The series goes up by 2, down by a half, stays, falls by 11.5, and rises by 9 and by 10.
    scores = score_forecaster(forecaster, _NUMBERS)
    assert scores.naive_mae == pytest.approx((2 + 0.5 + 0 + 11.5 + 9 + 10) / 6)
    assert scores.naive_rmse == pytest.approx(math.sqrt((4 + 0.25 + 132.25 + 81 + 100) / 6))
    silent = Forecaster(forecaster.network.config)
    for parameter in silent.W_hy.parameters():
        parameter.data.zero_()
    scores = score_forecaster(replace(forecaster, network=silent), _NUMBERS)
    assert (scores.rmse, scores.mae) == (scores.naive_rmse, scores.naive_mae)


def test_two_numbers_are_one_forecast(forecaster: TrainedModel) -> None:
    two = Numbers(split="test", values=np.array([1.0, 4.0], dtype=np.float32))
    scores = score_forecaster(forecaster, two)
    assert (scores.num_values, scores.naive_rmse, scores.naive_mae) == (1, 3, 3)


def test_nothing_is_dropped_while_a_model_is_scored(
    classifier: TrainedModel, language_model: TrainedModel, forecaster: TrainedModel
) -> None:
    def scores() -> list[ClassificationScores | LanguageModelScores | ForecastScores]:
        for trained in (classifier, language_model, forecaster):
            assert trained.network.config.dropout > 0
            trained.network.train()
        return [
            score_classifier(classifier, _LABELLED),
            score_language_model(language_model, _TEXT),
            score_forecaster(forecaster, _NUMBERS),
        ]

    assert scores() == scores()


def test_as_json_is_plain_and_has_no_hypotheses(
    classifier: TrainedModel, language_model: TrainedModel, forecaster: TrainedModel
) -> None:
    of_labels = score_classifier(classifier, _LABELLED)
    of_text = score_language_model(language_model, _TEXT)
    of_numbers = score_forecaster(forecaster, _NUMBERS)
    for scores in (of_labels, of_text, of_numbers):
        values = scores.as_json()
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert values == {
            name: value for name, value in vars(scores).items() if name != "hypotheses"
        }
    assert of_labels.as_json()["by_label"]["ja"]["num_sentences"] == 4
