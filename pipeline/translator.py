"""The translator: text in, text out."""

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import (
    EncodedSource,
    Ensemble,
    LengthLimit,
    Model,
    Sampler,
    attention_along,
    beam_search,
    decode_all,
    greedy_search,
    search_best,
)
from pipeline.decoding.batched import Found
from pipeline.errors import ConfigError, ModelError
from pipeline.hypothesis import Hypothesis
from pipeline.languages import Direction, choose_target
from pipeline.mbr import least_risk
from pipeline.model_folder import TrainedModel, load_ensemble, load_model
from pipeline.nn.prepared import ready_to_decode
from pipeline.precision import Precision, choose_precision
from pipeline.reverse_model import ReverseModel
from pipeline.search_settings import SearchSettings
from pipeline.sentences import Candidate, Sentence, best_candidates, read_sentences, target_text
from pipeline.term_search import TermSearch
from pipeline.terms import Terms, translate_with_terms

MAX_SOURCE_TOKENS = 512
"""A longer source is cut: no training pair was nearly as long, and time grows with it."""
MBR_EPSILON = 0.02
"""Less probable tokens are not drawn (Hewitt et al. 2022); Freitag et al. (2023) find candidates
for minimum Bayes risk best with it."""


class Translator:
    """Translates with a trained model, or with several together.

    Where the target vocabulary lacks characters and the model has attention, what cannot be
    spelt is copied from the source; see `copy_unknown`.

    Args:
        trained: A model of the task `translation`.
        ensemble: More of them, whose probabilities are averaged with its own; they have its
            tokenizers, as `load_ensemble` makes sure.
        reverse: A translator of the other direction, which judges what a beam found where the
            settings have a `reverse_weight`; see `ReverseModel`.
        device: Where they run.
        precision: Of the weights and of all products: `fp32`; `bf16`, which is faster where the
            processor has units for it, and can give other words here and there; or `auto`, which
            takes it there. A model that is not decoded by a `PreparedSeq2Seq` stays in `fp32`.

    Raises:
        ModelError: A model is for another task, or the reverse model translates nothing back.
    """

    def __init__(
        self,
        trained: TrainedModel,
        *,
        ensemble: Sequence[TrainedModel] = (),
        reverse: TrainedModel | None = None,
        device: str = "cpu",
        precision: Precision = "fp32",
    ) -> None:
        for each in (trained, *ensemble):
            if each.task != "translation":
                raise ModelError(f"{each.name}: a model for {each.task}; expected translation")
        self._models = (trained, *ensemble)
        networks = [each.model for each in (trained, *ensemble)]
        self._device = torch.device(device)
        dtype = choose_precision(precision, device_type=self._device.type)
        models = [ready_to_decode(each, device=self._device, dtype=dtype) for each in networks]
        self._model: Model[Any] = Ensemble(models) if ensemble else models[0]
        self._copies_unknown = trained.target_tokenizer.has_unknown and any(
            network.decoder.attention is not None for network in networks
        )
        self._source_tokenizer = trained.source_tokenizer
        self._target_tokenizer = trained.target_tokenizer
        self._term_search = TermSearch(
            self._model, self._source_tokenizer, self._target_tokenizer, self._device
        )
        self._reverse = None
        if reverse is not None:
            self._reverse = ReverseModel(
                reverse, trained.directions, device=self._device, dtype=dtype
            )

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        ensemble: Sequence[str | Path] = (),
        reverse: str | Path | None = None,
        device: str = "cpu",
        precision: Precision = "fp32",
    ) -> Self:
        """Load a model folder, or a model on the Hugging Face hub by its name.

        Args:
            path: Where the model is.
            ensemble: Where more of them are, whose probabilities are averaged with its own.
            reverse: Where a translator of the other direction is; see the class.
            device: Where they run.
            precision: See the class.

        Raises:
            ModelError: There is none, it is damaged, it is for another task, or those of an
                ensemble do not share their tokenizers; or see the class.
        """
        trained, *others = load_ensemble([path, *ensemble])
        back = None if reverse is None else load_model(reverse)
        return cls(trained, ensemble=others, reverse=back, device=device, precision=precision)

    @property
    def directions(self) -> list[Direction]:
        """From which language into which, called as the columns of the corpus were."""
        return self._models[0].directions

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
        terms: Terms | None = None,
        target_language: str | None = None,
    ) -> list[str]:
        """Translate each line; what holds no text becomes an empty line.

        Args:
            lines: Sentences, in any order and of any length.
            batch_size: Sentences that are decoded together.
            beam_size: Hypotheses kept side by side; 1 is greedy decoding.
            settings: More of how a translation is searched for, instead of the beam size alone.
            terms: What the translations are to hold; `Terms.missing` tells what one does not. A
                line that lacks one is translated again by `grid_beam_search`.
            target_language: Which of those that the model translates into; need not be given where
                there is one only.

        Raises:
            ConfigError: A size is less than 1, a setting does not suit the model, there are
                settings and a beam size, or the model does not translate into the language, or the
                reverse model not back from it.
        """
        settings = SearchSettings.of(beam_size, settings)
        tag_ids = self._tag_ids(target_language)
        if terms is not None:
            return translate_with_terms(
                lines,
                terms,
                partial(
                    self.translate,
                    batch_size=batch_size,
                    settings=settings,
                    target_language=target_language,
                ),
                partial(
                    self._term_search.translate,
                    tag_ids=tag_ids,
                    max_tokens=MAX_SOURCE_TOKENS,
                    batch_size=batch_size,
                    settings=settings,
                ),
            )
        sentences = self._sentences(lines, tag_ids)
        if settings.mbr:
            texts = [self._least_risk(sentence, settings.mbr) for sentence in sentences]
        elif settings.reverse_weight:
            ranked = self._ranked(sentences, batch_size, settings, target_language)
            texts = [best.text for best, *_ in ranked]
        else:
            options = self._search_options(settings)
            search = partial(search_best, self._model, with_log_probs=False, **options)
            found = self._decode(sentences, search, batch_size)
            texts = list(map(self._text, sentences, found))
        translations = [""] * len(lines)
        for sentence, text in zip(sentences, texts, strict=True):
            translations[sentence.line] = text
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
        """The best translations of each line, the best first, none of them twice.

        There are fewer where a beam holds the same text in different pieces, and a single empty
        one where a line holds no text.

        Args:
            lines: Sentences, in any order and of any length.
            n_best: How many at most.
            batch_size: Sentences that are decoded together.
            settings: How they are searched for.
            target_language: See `translate`.

        Raises:
            ConfigError: More are asked for than the beam is wide, they are to be drawn, or the
                model does not translate into the language, or the reverse model not back from it.
        """
        settings.check_n_best(n_best)
        sentences = self._sentences(lines, self._tag_ids(target_language))
        ranked = self._ranked(sentences, batch_size, settings, target_language)
        candidates = [[Candidate("", 0.0)] for _ in lines]
        for sentence, best in zip(sentences, ranked, strict=True):
            candidates[sentence.line] = best[:n_best]
        return candidates

    def _ranked(
        self,
        sentences: Sequence[Sentence],
        batch_size: int,
        settings: SearchSettings,
        target_language: str | None,
    ) -> list[list[Candidate]]:
        """All that a beam finds of each sentence, the best first."""
        reverse = self._reverse if settings.reverse_weight else None
        language = choose_target(self.directions, target_language, called="target_language")
        if reverse is not None:
            reverse.require(language)  # before the search, which takes its time
        elif settings.reverse_weight:
            raise ConfigError(
                f"reverse_weight: expected a reverse model with it, got {settings.reverse_weight}"
            )
        search = partial(beam_search, self._model, **self._search_options(settings))
        ranked = []
        for sentence, nbest in zip(
            sentences, self._decode(sentences, search, batch_size), strict=True
        ):
            texts = [self._text(sentence, hypothesis) for hypothesis in nbest]
            ranked.append(best_candidates(texts, nbest))
        if reverse is None:
            return ranked
        return reverse.rerank(
            [sentence.text for sentence in sentences],
            ranked,
            target_language=language,
            weight=settings.reverse_weight,
            max_tokens=MAX_SOURCE_TOKENS,
            batch_size=batch_size,
        )

    def _tag_ids(self, target_language: str | None) -> list[int]:
        """They are the same for all models, which have the same tokenizer; all have to know it."""
        tags = [trained.tag_ids(target_language) for trained in self._models]
        return tags[0]

    def _sentences(self, lines: Sequence[str], tag_ids: list[int]) -> list[Sentence]:
        return read_sentences(
            lines, self._source_tokenizer, tag_ids=tag_ids, max_tokens=MAX_SOURCE_TOKENS
        )

    def _search_options(self, settings: SearchSettings) -> dict[str, Any]:
        return {
            "beam_size": settings.beam_size,
            "length_penalty": settings.length_penalty,
            "coverage_penalty": settings.coverage_penalty,
            "limit": LengthLimit(),
            "allow_unknown": self._copies_unknown,
        }

    def _decode(
        self,
        sentences: Sequence[Sentence],
        search: Callable[[Tensor, Tensor], list[Found]],
        batch_size: int,
    ) -> list[Found]:
        if batch_size < 1:
            raise ConfigError(f"batch_size: expected 1 or more, got {batch_size}")
        sources = [sentence.ids for sentence in sentences]
        return decode_all(sources, search, batch_size=batch_size, device=self._device)

    def _least_risk(self, sentence: Sentence, num_samples: int) -> str:
        """Draws from a generator of the sentence's own, so that no other sentence changes it."""
        source = EncodedSource(self._model, *self._collate(sentence.ids))
        generator = torch.Generator(self._device).manual_seed(zlib.crc32(sentence.text.encode()))
        drawn = greedy_search(
            source,
            *source.rows(num_samples),
            limit=LengthLimit(),
            choose=Sampler(epsilon=MBR_EPSILON, generator=generator),
            allow_unknown=self._copies_unknown,
        )
        texts = [self._text(sentence, hypothesis) for hypothesis in drawn]
        return texts[least_risk(texts)]

    def _text(self, sentence: Sentence, hypothesis: Hypothesis) -> str:
        return target_text(
            sentence,
            hypothesis.ids,
            self._look,
            source_tokenizer=self._source_tokenizer,
            target_tokenizer=self._target_tokenizer,
        )

    def _look(self, source_ids: Sequence[int], target_ids: Sequence[int]) -> list[list[float]]:
        weights: list[list[float]] = attention_along(
            self._model, *self._collate(source_ids), target_ids
        ).tolist()
        return weights

    def _collate(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        source_ids, source_lengths = collate_sources([ids])
        return source_ids.to(self._device), source_lengths.to(self._device)
