"""Columns of text → columns of ids, word by word.

A piece crosses no space, so that the ids of a text are those of its words, one after the other. So
a word is encoded once, however often it comes, and the rest is done in Arrow and numpy, without a
Python object for each text, word or piece.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.known_words import KnownWords
from pipeline.ragged import Ragged
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
        self._words: KnownWords[str] = KnownWords(
            most=_WORDS_KEPT, learn=self._learn, forget=self._forget
        )
        self._forget()

    def encode(self, texts: pa.ChunkedArray) -> pa.ListArray:
        """The ids of each text (`IDS`); there is one at least, and none is null."""
        words = pc.split_pattern(texts.combine_chunks(), " ")
        encoded = words.flatten().dictionary_encode()
        different = encoded.dictionary.to_pylist()
        if "" in different:  # an empty text, or a space that parts no words: rare in clean text
            return pa.array(self._tokenizer.encode_batch(texts.to_pylist()), type=IDS)
        numbers = self._words.numbers(different)
        ids = self._ids.take(numbers[encoded.indices.to_numpy()])
        ends = np.concatenate([[0], np.cumsum(ids.lengths)])
        bounds = ends[words.offsets.to_numpy()].astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(bounds), pa.array(ids.ids))

    def _forget(self) -> None:
        self._ids = Ragged.of([])  # of all known words

    def _learn(self, words: list[str]) -> None:
        self._ids = self._ids.followed_by(Ragged.of(self._tokenizer.encode_batch(words)))
