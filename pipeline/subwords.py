"""Subword regularisation: other pieces for the words of a sentence, drawn anew each time.

A piece crosses no space, so a sentence is drawn word by word, and the segmentations of a word are
found once. What is drawn is a function of the generator that is given and of nothing else, which
SentencePiece's own sampling is not: its generator begins elsewhere in each process.
"""

from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from pipeline.tokenizer import Tokenizer

_NUM_BEST = 64
_NUM_DRAWN = 32
_WORDS_KEPT = 200_000
_SPACE = "\u2581"

_Segmentations = tuple[list[list[int]], list[float]]
"""Of a word, and the sums of their probabilities up to each."""


class SubwordSampler:
    """Draws the pieces of sentences that are given in their usual pieces.

    Args:
        tokenizer: Whose pieces they are.
        alpha: For a unigram model: a segmentation is drawn by its probability ** alpha, among the
            64 best of a word (Kudo 2018, section 3.1).
        dropout: For a BPE model: the probability with which a merge is left out (BPE-dropout,
            Provilkov et al. 2020, algorithm 1); a word has 32 segmentations, drawn beforehand.
    """

    def __init__(self, tokenizer: Tokenizer, *, alpha: float = 0.0, dropout: float = 0.0) -> None:
        assert bool(alpha) != bool(dropout), (alpha, dropout)
        self._tokenizer = tokenizer
        self._alpha = alpha
        self._dropout = dropout
        pieces = tokenizer.pieces(range(len(tokenizer)))
        self._ids = {piece: token_id for token_id, piece in enumerate(pieces)}
        self._begins_word = [piece.startswith(_SPACE) for piece in pieces]
        self._segmentations = lru_cache(maxsize=_WORDS_KEPT)(self._find)

    def sample(
        self, sentences: Sequence[Sequence[int]], random: np.random.Generator
    ) -> list[list[int]]:
        """Other ids of the same text for each sentence."""
        by_word = [self._words(ids) for ids in sentences]
        draws = iter(random.random(sum(map(len, by_word))).tolist())
        sampled = []
        for words in by_word:
            ids: list[int] = []
            for word in words:
                segmentations, sums = self._segmentations(word)
                ids += segmentations[bisect(sums, next(draws))]
            sampled.append(ids)
        return sampled

    def _words(self, ids: Sequence[int]) -> list[tuple[int, ...]]:
        starts = [i for i, token_id in enumerate(ids) if i and self._begins_word[token_id]]
        return [
            tuple(ids[start:end])
            for start, end in zip([0, *starts], [*starts, len(ids)], strict=True)
        ]

    def _find(self, word: tuple[int, ...]) -> _Segmentations:
        text = self._tokenizer.decode(word)
        if not text or self._tokenizer.encode(text) != list(word):
            return [list(word)], []  # not a word: a symbol, a space alone, a broken one
        if self._alpha:
            found = self._tokenizer.nbest(text, _NUM_BEST)
            log_probs = self._alpha * np.array([log_prob for _, log_prob in found])
            weights = np.exp(log_probs - log_probs.max())
            segmentations = [ids for ids, _ in found]
        else:
            random = np.random.default_rng(list(word))
            segmentations = [self._dropped(word, random) for _ in range(_NUM_DRAWN)]
            weights = np.ones(_NUM_DRAWN)
        return segmentations, (np.cumsum(weights) / weights.sum())[:-1].tolist()

    def _dropped(self, word: tuple[int, ...], random: np.random.Generator) -> list[int]:
        """The characters of the word, merged as BPE does, but for the merges that are left out."""
        symbols = list("".join(self._tokenizer.pieces(word)))
        while True:
            pairs = [one + other for one, other in pairwise(symbols)]
            kept = (random.random(len(pairs)) >= self._dropout).tolist()
            # The merge that was learnt first has the lowest id, and is done first.
            merges = [
                (self._ids[pair], i)
                for i, pair in enumerate(pairs)
                if kept[i] and pair in self._ids
            ]
            if not merges:
                break
            _, i = min(merges)
            symbols[i : i + 2] = [pairs[i]]
        if not all(symbol in self._ids for symbol in symbols):
            return list(word)  # a character that is spelt in bytes
        return [self._ids[symbol] for symbol in symbols]
