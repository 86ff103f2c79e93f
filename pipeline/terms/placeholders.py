"""What the model reads in the place of a span that it cannot know: the name of a city.

A network that was never trained on an address reads it as noise, which spoils the whole sentence.
A city's name stands wherever a noun may; of the names, numbers and letters that were tried it did
best, before and after Korean too (`docs/experiments.md`).
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.terms.reading import Reading, Term, lacking

CITIES = ("London", "Berlin", "Madrid", "Sydney", "Rome", "Vienna")
_OPAQUE = ("marked", "urls", "emails")


class Prepared(NamedTuple):
    """A line as the model reads it.

    Attributes:
        text: Its text, with placeholders.
        terms: What the model has to say, a placeholder where it reads one.
        originals: From a placeholder to what it stands for.
    """

    text: str
    terms: list[Term]
    originals: Mapping[str, str]

    def num_lacking(self, translation: str) -> int:
        """How much of it a translation of the text lacks."""
        return len(lacking(self.terms, translation))

    def restore(self, translation: str) -> str:
        """The translation with the originals in their places."""
        for placeholder, original in self.originals.items():
            translation = translation.replace(placeholder, original)
        return translation


def with_placeholders(reading: Reading) -> Prepared:
    """Put a city in the place of each span that is neither of the glossary nor a number.

    No city is taken twice, or one that the line or a term names; where there is none left, the
    span stays.
    """
    said = "\n".join([reading.text, *(term.target for term in reading.terms)])
    cities = [city for city in CITIES if city not in said]
    parts: list[str] = []
    terms: list[Term] = []
    originals: dict[str, str] = {}
    length = end = 0
    for term in reading.terms:
        target, span = term.target, reading.text[term.begin : term.end]
        if term.kind in _OPAQUE and cities:
            target = span = cities.pop(0)
            originals[target] = term.target
        parts += [reading.text[end : term.begin], span]
        begin = length + len(parts[-2])
        length, end = begin + len(span), term.end
        terms.append(Term(begin, length, target, term.kind))
    return Prepared("".join([*parts, reading.text[end:]]), terms, originals)
