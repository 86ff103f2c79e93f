"""Spans of a text that are to come through a translation unchanged."""

import re
from typing import Literal, get_args

from pipeline.terms.words import NUMBER

Kind = Literal["numbers", "urls", "emails", "marked"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MARKED = re.compile(r"<keep>\s*(\S.*?)\s*</keep>")
# ASCII only: what is written on to an address in Korean is not a part of it.
_URL = r"(?:https?://|www\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*[A-Za-z0-9_~/#@$&*+=%-]"
_EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
PATTERNS: dict[Kind, re.Pattern[str]] = {
    "urls": re.compile(rf"(?<![A-Za-z0-9]){_URL}", re.IGNORECASE),
    "emails": re.compile(rf"(?<![A-Za-z0-9]){_EMAIL}"),
    "numbers": re.compile(NUMBER),
}
"""How what is not marked is found."""


def take_marks(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without the marks of `<keep>…</keep>`, and where in it the marked spans are."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    length = end = 0
    for match in _MARKED.finditer(text):
        before, marked = text[end : match.start()], match[1]
        spans.append((length + len(before), length + len(before) + len(marked)))
        parts += [before, marked]
        length, end = spans[-1][1], match.end()
    return "".join([*parts, text[end:]]), spans
