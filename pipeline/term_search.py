"""A search for translations that hold their terms: from texts and terms to texts."""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import torch

from pipeline.decoding import (
    Constraint,
    LengthLimit,
    Model,
    decode_constrained,
    grid_beam_search,
)
from pipeline.search_settings import SearchSettings
from pipeline.terms import Prepared, goes_on_with_word
from pipeline.text import normalize
from pipeline.tokenizer import Tokenizer

LEAST_BEAM_SIZE = 4
"""Of a search that has to place terms: a beam of one has no choice where they go."""


class TermSearch:
    """Translates texts so that their terms are held wherever they can be placed.

    Args:
        model: What is decoded from.
        source_tokenizer: Of the texts.
        target_tokenizer: Of the terms' translations.
        device: Where the model is.
    """

    def __init__(
        self,
        model: Model[Any],
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        device: torch.device,
    ) -> None:
        self._model = model
        self._source_tokenizer = source_tokenizer
        self._target_tokenizer = target_tokenizer
        self._device = device

    def translate(
        self,
        prepared: Sequence[Prepared],
        *,
        tag_ids: list[int],
        max_tokens: int,
        batch_size: int,
        settings: SearchSettings,
    ) -> list[str]:
        """A translation of each text, made to hold its terms.

        Args:
            prepared: The texts, and what has to be said for which of their characters.
            tag_ids: What goes before each source.
            max_tokens: Of a text as it is read; terms that lie beyond have no place in it.
            batch_size: Sentences that are decoded together.
            settings: How wide the beam is, four at least, and how it judges lengths.
        """
        # What is cut was warned of when the text was translated freely.
        sources = [self._source_tokenizer.encode(each.text)[:max_tokens] for each in prepared]
        constraints = [
            [
                Constraint(
                    tuple(self._target_tokenizer.encode(term.target)),
                    tuple(
                        len(tag_ids) + place
                        for place in self._source_tokenizer.places(each.text, term.begin, term.end)
                        if place < len(source)
                    ),
                )
                for term in each.terms
            ]
            for each, source in zip(prepared, sources, strict=True)
        ]
        search = partial(
            grid_beam_search,
            self._model,
            beam_size=max(LEAST_BEAM_SIZE, settings.beam_size),
            length_penalty=settings.length_penalty,
            limit=LengthLimit(),
            inner_ids=self._inner_ids,
        )
        found = decode_constrained(
            [tag_ids + source for source in sources],
            constraints,
            search,
            batch_size=max(1, batch_size // 8),  # each is several beams
            device=self._device,
        )
        decode = self._target_tokenizer.decode
        return [normalize(decode(hypothesis.ids)) for hypothesis, _ in found]

    @cached_property
    def _inner_ids(self) -> list[int]:
        """The pieces with which a word goes on."""
        tokenizer = self._target_tokenizer
        return [i for i in range(len(tokenizer)) if goes_on_with_word(tokenizer.appended(i))]
