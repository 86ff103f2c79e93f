"""A glossary: terms of the source language, and what they are to be translated as."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.errors import DataError
from pipeline.terms.words import as_word
from pipeline.text import normalize


class Glossary:
    """Finds terms in a text, whatever their case, as words of their own; the longest first.

    Args:
        translations: From a term to its translation.

    Raises:
        DataError: One of them holds no text.
    """

    def __init__(self, translations: Mapping[str, str]) -> None:
        for term, translation in translations.items():
            if not normalize(term) or not normalize(translation):
                raise DataError(f"glossary: expected text, got '{term}' for '{translation}'")
        longest_first = sorted(translations.items(), key=lambda entry: -len(normalize(entry[0])))
        self._translations = [normalize(translation) for _, translation in longest_first]
        terms = [f"({as_word(normalize(term))})" for term, _ in longest_first]
        self._pattern = re.compile("|".join(terms) or r"(?!)", re.IGNORECASE)

    @classmethod
    def from_file(cls, path: str | Path) -> "Glossary":
        """Read a file of UTF-8 text: a term, a tab and its translation on each line.

        Lines without text count for nothing.

        Raises:
            DataError: It cannot be read, a line is something else, or has a term a second time.
        """
        translations: dict[str, str] = {}
        numbers: dict[str, int] = {}
        for number, line in _lines(Path(path)):
            columns = [normalize(column) for column in line.rstrip("\r\n").split("\t")]
            if not any(columns):
                continue
            if len(columns) != 2 or not all(columns):
                raise DataError(
                    f"{path}, line {number}: expected a term, a tab and its translation, "
                    f"got '{line.strip()}'"
                )
            term, translation = columns
            first = numbers.setdefault(term.casefold(), number)
            if first != number:
                raise DataError(f"{path}, line {number}: '{term}' is on line {first} already")
            translations[term] = translation
        return cls(translations)

    def find(self, text: str, begin: int, end: int) -> Iterator[tuple[int, int, str]]:
        """Where terms are within text[begin:end], none over another, and their translations."""
        for match in self._pattern.finditer(text, begin, end):
            assert match.lastindex
            yield match.start(), match.end(), self._translations[match.lastindex - 1]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines, start=1):
        try:
            yield number, line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: expected UTF-8 text ({error.reason})"
            ) from error
