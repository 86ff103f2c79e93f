"""Columns of text → columns of ids, word by word.

A piece crosses no space, so that the ids of a text are those of its words, one after the other. So
a word is encoded once, however often it comes, and the rest is done in Arrow and numpy, without a
Python object for each text, word or piece.
"""

from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.tokenizer import Tokenizer

IDS = pa.list_(pa.int32())
_WORDS_KEPT = 50_000


class WordEncoder:
    """Encodes as `Tokenizer.encode_batch` does, and faster.

    Of two segmentations that are equally probable it may take the other one: SentencePiece's sums
    of log-probabilities are rounded within a text as they are not within a word.

    Args:
        tokenizer: Whose ids they are.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._forget()

    def encode(self, texts: pa.ChunkedArray) -> pa.ListArray:
        """The ids of each text (`IDS`); there is one at least, and none is null."""
        words = pc.split_pattern(texts.combine_chunks(), " ")
        encoded = words.flatten().dictionary_encode()
        different = encoded.dictionary.to_pylist()
        if "" in different:  # an empty text, or a space that parts no words: rare in clean text
            return pa.array(self._tokenizer.encode_batch(texts.to_pylist()), type=IDS)
        numbers = self._numbers(different)[encoded.indices.to_numpy()]
        lengths = self._lengths[numbers]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        # Where each id is kept: its place among all of the texts, moved to where its word is kept.
        places = np.arange(ends[-1]) + np.repeat(self._starts[numbers] - ends[:-1], lengths)
        bounds = ends[words.offsets.to_numpy()].astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(bounds), pa.array(self._ids[places]))

    def _forget(self) -> None:
        self._number_of_word: dict[str, int] = {}
        self._ids = np.zeros(0, dtype=np.int32)  # of all words that are kept, one after the other
        self._starts, self._lengths = np.zeros((2, 0), dtype=np.int64)  # of each word in `_ids`

    def _numbers(self, words: list[str]) -> NDArray[np.int64]:
        """Under which number each word is kept; none comes twice."""
        numbers = list(map(self._number_of_word.get, words))
        if None in numbers:
            self._learn(words)
            numbers = list(map(self._number_of_word.get, words))
        return np.array(numbers)

    def _learn(self, words: list[str]) -> None:
        if len(self._number_of_word) > _WORDS_KEPT:
            self._forget()
        new = [word for word in words if word not in self._number_of_word]
        numbers = range(len(self._number_of_word), len(self._number_of_word) + len(new))
        self._number_of_word.update(zip(new, numbers, strict=True))
        ids = self._tokenizer.encode_batch(new)
        lengths = np.array([len(each) for each in ids])
        starts = len(self._ids) + np.cumsum(lengths) - lengths
        self._starts = np.concatenate([self._starts, starts])
        self._lengths = np.concatenate([self._lengths, lengths])
        flat = np.fromiter(chain.from_iterable(ids), dtype=np.int32)
        self._ids = np.concatenate([self._ids, flat])
