"""The other kinds of RNN in training: a classifier, a language model, a forecaster."""

import math

from pipeline.batch import LabelledBatch, SeriesBatch
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.training.module import TrainingModule


class ClassifierModule(TrainingModule[SequenceClassifier]):
    """Trains a classifier; a validation counts the labels that are right."""

    _num_right = 0
    _num_labels = 0

    def observe(self, batch: LabelledBatch) -> None:
        """Count the labels that are right."""
        logits = self.averaged(batch.source_ids, batch.source_lengths)
        self._num_right += int((logits.argmax(dim=-1) == batch.labels).sum())
        self._num_labels += len(batch.labels)

    def judge(self) -> dict[str, float]:
        """`val_accuracy`, 0 to 1."""
        accuracy = self._num_right / self._num_labels
        self._num_right = self._num_labels = 0
        return {"val_accuracy": accuracy}

    def shown_scores(self) -> list[str]:
        """See `TrainingModule.shown_scores`."""
        return [*super().shown_scores(), f"accuracy {self.scores['val_accuracy']:.1%}"]


class LanguageModelModule(TrainingModule[LanguageModel]):
    """Trains a language model."""

    def shown_scores(self) -> list[str]:
        """See `TrainingModule.shown_scores`."""
        perplexity = math.exp(self.scores["val_loss"])
        return [*super().shown_scores(), f"perplexity {perplexity:.1f} a token"]


class ForecasterModule(TrainingModule[Forecaster]):
    """Trains a forecaster; a validation takes the error of its means."""

    _squares = 0.0
    _num_values = 0

    def observe(self, batch: SeriesBatch) -> None:
        """Add the squared errors."""
        means, _ = self.averaged(batch.values[:, :-1])
        self._squares += float((batch.values[:, 1:] - means).square().sum())
        self._num_values += batch.num_tokens

    def judge(self) -> dict[str, float]:
        """`val_rmse`, in the units of the series."""
        rmse = math.sqrt(self._squares / self._num_values)
        self._squares, self._num_values = 0.0, 0
        return {"val_rmse": rmse}

    def shown_scores(self) -> list[str]:
        """See `TrainingModule.shown_scores`."""
        return [*super().shown_scores(), f"RMSE {self.scores['val_rmse']:.3f}"]
