"""The translator: text in, text out."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import torch

from pipeline.decoding import LengthLimit, decode_all, search_best
from pipeline.errors import ConfigError, ModelError
from pipeline.model_folder import TrainedModel, load_model
from pipeline.text import normalize

_log = logging.getLogger(__name__)
MAX_SOURCE_TOKENS = 512
"""A longer source is cut: no training pair was nearly as long, and time grows with it."""


class Translator:
    """Translates with a trained model.

    Args:
        trained: A model of the task `translation`.
        device: Where it runs.

    Raises:
        ModelError: The model is a chatbot.
    """

    def __init__(self, trained: TrainedModel, *, device: str = "cpu") -> None:
        if trained.task != "translation":
            raise ModelError(f"{trained.name}: a model for {trained.task}; expected translation")
        self._trained = trained
        self._device = torch.device(device)
        self._model = trained.model.to(self._device).eval()

    @classmethod
    def from_pretrained(cls, path: str | Path, *, device: str = "cpu") -> Self:
        """Load a model folder, or a model on the Hugging Face hub by its name.

        Raises:
            ModelError: There is none, it is damaged, or it is a chatbot.
        """
        return cls(load_model(path), device=device)

    def __call__(self, text: str, *, beam_size: int = 1) -> str:
        """Translate one sentence."""
        return self.translate([text], beam_size=beam_size)[0]

    def translate(
        self, lines: Sequence[str], *, batch_size: int = 64, beam_size: int = 1
    ) -> list[str]:
        """Translate each line; what holds no text becomes an empty line.

        Args:
            lines: Sentences, in any order and of any length.
            batch_size: Sentences that are decoded together.
            beam_size: Hypotheses kept side by side; 1 is greedy decoding.

        Raises:
            ConfigError: A size is less than 1.
        """
        for name, size in (("batch_size", batch_size), ("beam_size", beam_size)):
            if size < 1:
                raise ConfigError(f"{name}: expected 1 or more, got {size}")
        texts = [normalize(line) for line in lines]
        filled = [i for i, text in enumerate(texts) if text]
        hypotheses = decode_all(
            [self._source_ids(texts[i]) for i in filled],
            partial(search_best, self._model, beam_size=beam_size, limit=LengthLimit()),
            batch_size=batch_size,
            device=self._device,
        )
        translations = [""] * len(lines)
        for i, hypothesis in zip(filled, hypotheses, strict=True):
            translations[i] = normalize(self._trained.target_tokenizer.decode(hypothesis.ids))
        return translations

    def _source_ids(self, text: str) -> list[int]:
        ids = self._trained.source_tokenizer.encode(text)
        if len(ids) > MAX_SOURCE_TOKENS:
            _log.warning(
                "only the first %d of %s pieces are translated of the line '%s…'",
                MAX_SOURCE_TOKENS,
                f"{len(ids):,}",
                text[:40],
            )
        return ids[:MAX_SOURCE_TOKENS]
