"""Numbers for words, so that what is found of a word is found once and kept under its number."""

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Word = TypeVar("Word", bound=Hashable)


class KnownWords(Generic[Word]):
    """Words by number, 0, 1, 2, …, in the order in which they come.

    Args:
        most: How many may be known when new ones come; of more, all are forgotten first.
        learn: Is given the words that get the next numbers.
        forget: Is called when all are forgotten.
    """

    def __init__(
        self, *, most: int, learn: Callable[[list[Word]], None], forget: Callable[[], None]
    ) -> None:
        self._most = most
        self._learn = learn
        self._forget = forget
        self._numbers: dict[Word, int] = {}

    def numbers(self, words: Sequence[Word]) -> NDArray[np.int64]:
        """The number of each; those that are new are learnt."""
        found = list(map(self._numbers.get, words))
        if None in found:
            self._add(words)
            found = list(map(self._numbers.get, words))
        return np.array(found, dtype=np.int64)

    def _add(self, words: Sequence[Word]) -> None:
        if len(self._numbers) > self._most:
            self._numbers.clear()
            self._forget()
        new = [word for word in dict.fromkeys(words) if word not in self._numbers]
        self._numbers.update(zip(new, itertools.count(len(self._numbers)), strict=False))
        self._learn(new)
