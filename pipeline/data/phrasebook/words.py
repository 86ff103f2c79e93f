"""What inflection gives: the forms of one word in one language."""

from typing import NamedTuple

LANGUAGES = ("en", "ko", "de")
GENDERS = ("m", "f", "n", "pl")


class Word(NamedTuple):
    """One form: article, noun, and the ending that a German adjective between them takes."""

    core: str
    article: str = ""
    ending: str = ""

    def text(self, adjective: str = "") -> str:
        """The words with `adjective`, already inflected, in its place."""
        article = self.article
        if adjective and article in ("a", "an"):
            article = "an" if adjective[0] in "aeiou" else "a"
        return " ".join(filter(None, (article, adjective, self.core)))


class Entry(NamedTuple):
    """A word's forms by name ("" is the bare word), and the gender of a noun."""

    forms: dict[str, Word]
    gender: str = ""


def plain(cell: str) -> Entry:
    """A word or phrase that stays as it is."""
    return Entry({"": Word(cell)})
