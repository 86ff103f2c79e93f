"""The terms of a line, and which of them a translation lacks."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple

from pipeline.errors import ConfigError
from pipeline.terms.glossary import Glossary
from pipeline.terms.protection import KINDS, PATTERNS, Kind, take_marks
from pipeline.terms.words import as_translation
from pipeline.text import normalize


class Term(NamedTuple):
    """A span of a source text, and what the translation has to hold for it.

    Attributes:
        begin: Its first character.
        end: The one after its last.
        target: What the translation has to hold.
        kind: Why.
    """

    begin: int
    end: int
    target: str
    kind: Literal["glossary"] | Kind


class Reading(NamedTuple):
    """A line as the model is to see it, and its terms from left to right, none over another."""

    text: str
    terms: list[Term]


class Terms:
    """What the translations of lines have to hold.

    Where spans overlap, marked ones come before addresses, these before the glossary, and that
    before numbers.

    Args:
        glossary: Terms and their translations.
        protect: Kinds of spans that come through unchanged: see `KINDS`.

    Raises:
        ConfigError: There is no such kind.
    """

    def __init__(self, glossary: Glossary | None = None, *, protect: Collection[str] = ()) -> None:
        if unknown := sorted(set(protect).difference(KINDS)):
            raise ConfigError(f"protect: expected some of {', '.join(KINDS)}, got '{unknown[0]}'")
        self._glossary = glossary
        self._protect = frozenset(protect)

    def read(self, line: str) -> Reading:
        """The line, normalised and without marks, and its terms."""
        text = normalize(line)
        terms: list[Term] = []
        if "marked" in self._protect:
            text, spans = take_marks(text)
            terms += [Term(begin, end, text[begin:end], "marked") for begin, end in spans]
        for find in (
            partial(self._protected, "urls"),
            partial(self._protected, "emails"),
            self._in_glossary,
            partial(self._protected, "numbers"),
        ):
            terms += [term for gap in _gaps(text, terms) for term in find(text, *gap)]
        return Reading(text, sorted(terms))

    def missing(self, line: str, translation: str) -> list[str]:
        """What the translation of the line has to hold and does not, as often as it is lacking."""
        return [term.target for term in lacking(self.read(line).terms, translation)]

    def _protected(self, kind: Kind, text: str, begin: int, end: int) -> Iterator[Term]:
        if kind in self._protect:
            for match in PATTERNS[kind].finditer(text, begin, end):
                yield Term(match.start(), match.end(), match[0], kind)

    def _in_glossary(self, text: str, begin: int, end: int) -> Iterator[Term]:
        if self._glossary is not None:
            for first, last, target in self._glossary.find(text, begin, end):
                yield Term(first, last, target, "glossary")


def lacking(terms: Sequence[Term], translation: str) -> list[Term]:
    """The terms that the translation does not hold; what is asked for twice has to come twice.

    The longest are looked for first: what is a part of one of them does not count again.
    """
    targets = {term.target: term.kind == "glossary" for term in terms}
    longest_first = sorted(targets, key=len, reverse=True)
    patterns = [
        f"({as_translation(target, may_be_capitalized=targets[target])})"
        for target in longest_first
    ]
    left = Counter(
        longest_first[match.lastindex - 1]
        for match in re.finditer("|".join(patterns) or r"(?!)", translation)
        if match.lastindex
    )
    missing = []
    for term in terms:
        left[term.target] -= 1
        if left[term.target] < 0:
            missing.append(term)
    return missing


def _gaps(text: str, terms: Iterable[Term]) -> list[tuple[int, int]]:
    """Where the text is of no term yet."""
    taken = sorted((term.begin, term.end) for term in terms)
    begins = [0, *(end for _, end in taken)]
    ends = [*(begin for begin, _ in taken), len(text)]
    return list(zip(begins, ends, strict=True))
