"""The translator of an exported folder: text in, text out, without torch."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self

from pipeline.errors import ConfigError
from pipeline.hypothesis import Hypothesis
from pipeline.languages import Direction
from pipeline.runtime.folder import ExportedFolder
from pipeline.runtime.model import OnnxModel
from pipeline.runtime.search import attention_along, beam_search, greedy_search
from pipeline.search_settings import SearchSettings
from pipeline.sentences import (
    Candidate,
    Sentence,
    best_candidates,
    read_sentences,
    tag_before,
    target_text,
)

Sources = Sequence[Sequence[int]]
Search = Callable[[OnnxModel, Sources, Sequence[int]], list[list[Hypothesis]]]
"""From sources and how long a hypothesis of each may be to its hypotheses, the best first."""


class OnnxTranslator:
    """Translates as the `Translator` of the model that was exported does.

    In fp32 it gives the same text. In int8 it can give other words here and there; products then
    round by what is the largest number in a batch, so that a line's company matters too.

    Args:
        folder: What `seq2seq export` wrote.
        num_threads: Of a matrix product; None lets ONNX Runtime take all cores.
        num_workers: How many batches are decoded side by side; None is one for each core.

    Raises:
        ModelError: A graph is missing or damaged.
    """

    def __init__(
        self,
        folder: ExportedFolder,
        *,
        num_threads: int | None = 1,
        num_workers: int | None = None,
    ) -> None:
        if num_workers is not None and num_workers < 1:
            raise ConfigError(f"num_workers: expected 1 or more, or none, got {num_workers}")
        self._folder = folder
        self._model = OnnxModel(folder, num_threads=num_threads)
        self._num_workers = num_workers or os.cpu_count() or 1
        self._source_tokenizer, self._target_tokenizer = folder.tokenizers[0], folder.tokenizers[-1]

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, num_threads: int | None = 1, num_workers: int | None = None
    ) -> Self:
        """Load an exported folder.

        Args:
            path: Where it is.
            num_threads: See the class.
            num_workers: See the class.

        Raises:
            ModelError: There is none, or it is damaged.
        """
        folder = ExportedFolder.load(path)
        return cls(folder, num_threads=num_threads, num_workers=num_workers)

    @property
    def directions(self) -> list[Direction]:
        """From which language into which, called as the columns of the corpus were."""
        return self._folder.directions

    def __call__(
        self,
        text: str,
        *,
        beam_size: int = 1,
        settings: SearchSettings | None = None,
        target_language: str | None = None,
    ) -> str:
        """Translate one sentence."""
        (translation,) = self.translate(
            [text], beam_size=beam_size, settings=settings, target_language=target_language
        )
        return translation

    def translate(
        self,
        lines: Sequence[str],
        *,
        batch_size: int = 64,
        beam_size: int = 1,
        settings: SearchSettings | None = None,
        target_language: str | None = None,
    ) -> list[str]:
        """Translate each line; what holds no text becomes an empty line.

        Args:
            lines: Sentences, in any order and of any length.
            batch_size: Sentences that are decoded together.
            beam_size: Hypotheses kept side by side; 1 is greedy decoding.
            settings: More of how a translation is searched for, instead of the beam size alone.
            target_language: Which of those that the model translates into; need not be given where
                there is one only.

        Raises:
            ConfigError: A size is less than 1, a setting does not suit the model or is not to be
                had here, or the model does not translate into the language.
        """
        settings = SearchSettings.of(beam_size, settings)
        search: Search = _greedy if settings.beam_size == 1 else partial(_beam, settings)
        translations = [""] * len(lines)
        for sentence, nbest in self._found(lines, settings, search, batch_size, target_language):
            translations[sentence.line] = self._text(sentence, nbest[0])
        return translations

    def candidates(
        self,
        lines: Sequence[str],
        n_best: int,
        *,
        batch_size: int = 64,
        settings: SearchSettings,
        target_language: str | None = None,
    ) -> list[list[Candidate]]:
        """As `Translator.candidates`: the best translations of each line, the best first.

        Raises:
            ConfigError: More are asked for than the beam is wide, or as in `translate`.
        """
        settings.check_n_best(n_best)
        candidates = [[Candidate("", 0.0)] for _ in lines]
        search = partial(_beam, settings)
        for sentence, nbest in self._found(lines, settings, search, batch_size, target_language):
            texts = [self._text(sentence, hypothesis) for hypothesis in nbest]
            candidates[sentence.line] = best_candidates(texts, nbest)[:n_best]
        return candidates

    def _found(
        self,
        lines: Sequence[str],
        settings: SearchSettings,
        search: Search,
        batch_size: int,
        target_language: str | None,
    ) -> Iterator[tuple[Sentence, list[Hypothesis]]]:
        """Each line that holds text with its hypotheses, in batches of about one length."""
        if batch_size < 1:
            raise ConfigError(f"batch_size: expected 1 or more, got {batch_size}")
        if settings.mbr:
            raise ConfigError(
                f"mbr: expected 0, since an exported translator does not draw, got {settings.mbr}"
            )
        if settings.reverse_weight:
            raise ConfigError(
                "reverse_weight: expected 0, since an exported translator asks no other model, got "
                f"{settings.reverse_weight}"
            )
        sentences = read_sentences(
            lines,
            self._source_tokenizer,
            tag_ids=tag_before(
                self._source_tokenizer, self.directions, target_language, model=self._folder.name
            ),
            max_tokens=self._folder.max_source_tokens,
        )
        sentences.sort(key=lambda sentence: -len(sentence.ids))
        starts = range(0, len(sentences), batch_size)
        batches = [sentences[start : start + batch_size] for start in starts]
        for batch, found in zip(batches, self._searched(search, batches), strict=True):
            yield from zip(batch, found, strict=True)

    def _searched(
        self, search: Search, batches: Sequence[Sequence[Sentence]]
    ) -> Iterator[list[list[Hypothesis]]]:
        """What is found for each batch, in their order."""

        def searched(batch: Sequence[Sentence]) -> list[list[Hypothesis]]:
            sources = [sentence.ids for sentence in batch]
            limits = [self._folder.max_length(len(ids) + 1) for ids in sources]
            return search(self._model, sources, limits)

        num_workers = min(self._num_workers, len(batches))
        if num_workers <= 1:
            yield from map(searched, batches)
            return
        with ThreadPoolExecutor(num_workers) as workers:  # the graphs run without Python's lock
            yield from workers.map(searched, batches)

    def _text(self, sentence: Sentence, hypothesis: Hypothesis) -> str:
        return target_text(
            sentence,
            hypothesis.ids,
            partial(attention_along, self._model),
            source_tokenizer=self._source_tokenizer,
            target_tokenizer=self._target_tokenizer,
        )


def _greedy(model: OnnxModel, sources: Sources, limits: Sequence[int]) -> list[list[Hypothesis]]:
    return [[hypothesis] for hypothesis in greedy_search(model, sources, limits)]


def _beam(
    settings: SearchSettings, model: OnnxModel, sources: Sources, limits: Sequence[int]
) -> list[list[Hypothesis]]:
    return beam_search(
        model,
        sources,
        limits,
        beam_size=settings.beam_size,
        length_penalty=settings.length_penalty,
        coverage_penalty=settings.coverage_penalty,
    )
