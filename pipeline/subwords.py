"""Subword regularisation: other pieces for the words of a sentence, drawn anew each time.

A piece crosses no space, so a sentence is drawn word by word, and the segmentations of a word are
found once. What is drawn is a function of the generator that is given and of nothing else, which
SentencePiece's own sampling is not: its generator begins elsewhere in each process.
"""

from collections import Counter
from functools import cache
from itertools import pairwise
from operator import add
from random import Random

import numpy as np
from numpy.typing import NDArray

from pipeline.known_words import KnownWords
from pipeline.ragged import Ragged, Rows
from pipeline.tokenizer import Tokenizer

_NUM_BEST = 64
_NUM_DRAWN = 32
_WORDS_KEPT = 100_000
_SPACE = "\u2581"


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
        self._begins_word = np.array([piece.startswith(_SPACE) for piece in pieces])
        self._words: KnownWords[bytes] = KnownWords(
            most=_WORDS_KEPT, learn=self._learn, forget=self._forget
        )
        self._forget()

    def sample(self, sentences: Rows, random: np.random.Generator) -> Ragged:
        """Other ids of the same text for each sentence."""
        usual = Ragged.of(sentences)
        starts = self._word_starts(usual)
        numbers = self._words.numbers(_parts(usual.ids, starts))
        drawn = np.searchsorted(self._sums, numbers + random.random(len(numbers)), side="right")
        # A number that is rounded up to the next word's stands for the last one of its own.
        words = self._segmentations.take(np.minimum(drawn, self._last[numbers]))
        ends = np.concatenate([[0], np.cumsum(words.lengths)])
        first_words = np.searchsorted(starts, np.append(usual.starts, len(usual.ids)))
        return Ragged(words.ids, np.diff(ends[first_words]))

    def _word_starts(self, sentences: Ragged) -> NDArray[np.int64]:
        is_start = self._begins_word[sentences.ids]
        is_start[sentences.starts[sentences.lengths > 0]] = True
        return np.flatnonzero(is_start)

    def _forget(self) -> None:
        self._segmentations = Ragged.of([])  # of all known words, one word after the other
        self._sums = np.zeros(0)  # n, its word's number, and the probabilities of n's up to it
        self._last = np.zeros(0, dtype=np.int64)  # of each word its last segmentation

    def _learn(self, words: list[bytes]) -> None:
        found = [self._find(np.frombuffer(word, dtype=np.int32).tolist()) for word in words]
        rows = Ragged.of([ids for segmentations, _ in found for ids in segmentations])
        sums = [np.minimum(np.cumsum(probs), 1) + n for n, (_, probs) in enumerate(found)]
        counts = np.array([len(segmentations) for segmentations, _ in found])
        last = len(self._sums) + np.cumsum(counts) - 1
        self._segmentations = self._segmentations.followed_by(rows)
        self._sums = np.concatenate([self._sums, np.concatenate(sums) + len(self._last)])
        self._last = np.concatenate([self._last, last])

    def _find(self, word: list[int]) -> tuple[list[list[int]], NDArray[np.float64]]:
        """The segmentations of a word, and their probabilities."""
        text = self._tokenizer.decode(word)
        if not text or self._tokenizer.encode(text) != word:
            return [word], np.ones(1)  # not a word: a symbol, a space alone, a broken one
        if self._alpha:
            found = self._tokenizer.nbest(text, _NUM_BEST)
            log_probs = self._alpha * np.array([log_prob for _, log_prob in found])
            weights = np.exp(log_probs - log_probs.max())
            segmentations = [ids for ids, _ in found]
        else:
            characters = tuple("".join(self._tokenizer.pieces(word)))
            drawn = self._dropped(characters, Random(text))
            weights = np.array(list(drawn.values()))
            segmentations = [self._spelt(symbols) or word for symbols in drawn]
        return segmentations, weights / weights.sum()

    def _dropped(self, characters: tuple[str, ...], random: Random) -> Counter[tuple[str, ...]]:
        """How often the characters were merged to what, where now and then a merge is left out."""
        merged = cache(self._merged)
        drawn: Counter[tuple[str, ...]] = Counter()
        for _ in range(_NUM_DRAWN):
            symbols = characters
            while following := next(
                (each for each in merged(symbols) if random.random() >= self._dropout), None
            ):
                symbols = following
            drawn[symbols] += 1
        return drawn

    def _merged(self, symbols: tuple[str, ...]) -> list[tuple[str, ...]]:
        """What one merge makes of the symbols, that first which BPE would do first."""
        merges = sorted(  # the merge that was learnt first has the lowest id
            (self._ids[pair], i)
            for i, pair in enumerate(map(add, symbols, symbols[1:]))
            if pair in self._ids
        )
        return [(*symbols[:i], symbols[i] + symbols[i + 1], *symbols[i + 2 :]) for _, i in merges]

    def _spelt(self, symbols: tuple[str, ...]) -> list[int] | None:
        """Their ids; none where one is a character that the pieces spell in bytes."""
        if not all(symbol in self._ids for symbol in symbols):
            return None
        return [self._ids[symbol] for symbol in symbols]


def _parts(ids: NDArray[np.int32], starts: NDArray[np.int64]) -> list[bytes]:
    """The ids from each start to the next, as what a dictionary finds fast."""
    memory = ids.tobytes()
    places = [*(starts * ids.itemsize).tolist(), len(memory)]
    return [memory[start:end] for start, end in pairwise(places)]
