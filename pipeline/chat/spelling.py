"""How alike texts are spelt: TF-IDF of their characters and pairs of characters, by torch alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

_SPACE = ord(" ")
_LENGTH_POWER = 0.6
"""1 is the cosine; less sets a long text back less, as BM25 does."""
_CODE_BITS = 21
"""Of a Unicode code point: two of them fit in one whole number, so nothing need be hashed."""


class SpellingIndex:
    """Texts by their characters and pairs of characters, a word's first and last marked as such.

    Vectors of idf = 1 + log((1 + N) / (1 + df)) (Salton & Buckley 1988), however often an n-gram
    stands in a text, and their product over |message|^(2 - p) |text|^p: 1 for the text itself, and
    less for every other. The cosine has p = 1 and sets long texts back too much (Singhal et al.
    1996); 0.6 finds most on pairs that no test split holds (docs/experiments.md). What no text has
    makes a message less like all of them. Words would find less of Korean, whose endings change
    with the tone of voice.

    Args:
        texts: Normalised texts, one at least and none empty.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._num_texts = len(texts)
        grams, rows = _grams(texts)
        self._grams, gram_ids = grams.unique(return_inverse=True)
        # Ordered by n-gram, then by text: the postings of each n-gram stand together.
        cells = (gram_ids * self._num_texts + rows).unique()
        gram_ids, self._rows = cells // self._num_texts, cells % self._num_texts
        frequencies = gram_ids.bincount(minlength=len(self._grams))
        self._starts = [0, *frequencies.cumsum(0).tolist()]
        self._idf = self._inverse(frequencies)
        weights = self._idf[gram_ids]
        squares = torch.zeros(self._num_texts).index_add_(0, self._rows, weights.square())
        self._weights = weights / squares.sqrt()[self._rows] ** _LENGTH_POWER

    def similarities(self, text: str) -> Tensor:
        """How like each text it is, from 0 to 1; (N)."""
        scores = torch.zeros(self._num_texts)
        grams = _grams([text])[0].unique()
        if not len(grams):
            return scores
        ids = torch.searchsorted(self._grams, grams).clamp(max=len(self._grams) - 1)
        is_known = self._grams[ids] == grams
        unknown = self._inverse(torch.zeros_like(ids))
        weights = torch.where(is_known, self._idf[ids], unknown)
        # So that the text itself comes to 1.
        weights = weights / weights.square().sum().sqrt() ** (2 - _LENGTH_POWER)
        for gram_id, weight in zip(ids[is_known].tolist(), weights[is_known].tolist(), strict=True):
            postings = slice(self._starts[gram_id], self._starts[gram_id + 1])
            scores.index_add_(0, self._rows[postings], self._weights[postings], alpha=weight)
        return scores

    def _inverse(self, frequencies: Tensor) -> Tensor:
        return 1 + ((1 + self._num_texts) / (1 + frequencies)).log()


def _grams(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Every character and pair of characters as a number, and the row of its text.

    Spaces stand before and after each word; alone they say nothing and are left out.
    """
    spaced = [f" {text.casefold()} " for text in texts]
    encoded = bytearray("".join(spaced).encode("utf-32-le"))
    codes = torch.frombuffer(encoded, dtype=torch.int32).long()
    lengths = torch.tensor([len(text) for text in spaced])
    rows = torch.arange(len(spaced)).repeat_interleave(lengths)
    is_character = codes != _SPACE
    within = rows[:-1] == rows[1:]
    pairs = ((codes[:-1] + 1) << _CODE_BITS) | codes[1:]
    return (
        torch.cat([codes[is_character], pairs[within]]),
        torch.cat([rows[is_character], rows[:-1][within]]),
    )
