"""What a chatbot never says."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import DataError
from pipeline.text import normalize


class Blocklist:
    """Words and phrases that no reply may hold, whatever their case.

    A phrase is found anywhere in the text, inside words too: Korean words carry their endings,
    and only so is the promise one that can be held.

    Args:
        phrases: Those without text are left out.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = frozenset().union(*(_forms(phrase.strip()) for phrase in phrases)) - {""}

    @classmethod
    def from_file(cls, path: str | Path) -> "Blocklist":
        """Read a file of UTF-8 text with a word or phrase a line.

        Raises:
            DataError: It cannot be read, or a line is not UTF-8.
        """
        try:
            lines = Path(path).read_bytes().split(b"\n")
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        phrases = []
        for number, line in enumerate(lines, start=1):
            try:
                phrases.append(line.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: expected UTF-8 text ({error.reason})"
                ) from error
        return cls(phrases)

    def __bool__(self) -> bool:
        return bool(self._phrases)

    def blocks(self, text: str) -> bool:
        """Whether the text holds one of them, as it is or as `normalize` gives it."""
        return any(phrase in form for form in _forms(text) for phrase in self._phrases)


def _forms(text: str) -> set[str]:
    """The text without case, in the forms it may be shown or compared in.

    Composed and decomposed Korean is the same to the eye; and composing can also undo a phrase
    that was already shown as a reply grew.
    """
    return {text.casefold(), normalize(text).casefold(), normalize(text.casefold())}
