"""The classifier: text in, a label out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from pipeline.batch import collate_sources, rows_by_length
from pipeline.errors import ModelError
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.classifier import SequenceClassifier
from pipeline.text import normalize
from pipeline.translator import MAX_SOURCE_TOKENS


class Classifier:
    """Labels text with a trained model.

    Args:
        trained: A model of the task `classification`.

    Raises:
        ModelError: The model is for something else.
    """

    def __init__(self, trained: TrainedModel) -> None:
        if not isinstance(trained.network, SequenceClassifier):
            raise ModelError(f"{trained.name}: a model for {trained.task}; expected classification")
        self._trained = trained
        self._network = trained.network.eval()

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Load a model folder, or a model on the Hugging Face hub by its name.

        Raises:
            ModelError: There is none, it is damaged, or it is for something else.
        """
        return cls(load_model(path))

    def __call__(self, text: str) -> str:
        """The most probable label."""
        return self.classify([text])[0]

    def classify(self, lines: Sequence[str], *, batch_size: int = 64) -> list[str]:
        """The most probable label of each line; what holds no text gets none, an empty line."""
        chosen = self.log_probs(lines, batch_size=batch_size).argmax(dim=-1).tolist()
        labels = self._trained.labels
        return [labels[i] if normalize(line) else "" for line, i in zip(lines, chosen, strict=True)]

    @torch.inference_mode()
    def log_probs(self, lines: Sequence[str], *, batch_size: int = 64) -> torch.Tensor:
        """Log-probabilities (lines, labels) in nats; a line of more than 512 pieces is cut."""
        encoded = self._trained.source_tokenizer.encode_batch([normalize(line) for line in lines])
        found = torch.empty(len(encoded), len(self._trained.labels))
        for rows in rows_by_length(encoded, batch_size):
            sources = [encoded[row][:MAX_SOURCE_TOKENS] for row in rows]
            found[rows] = torch.log_softmax(self._network(*collate_sources(sources)), dim=-1)
        return found
