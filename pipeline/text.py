"""What is done to every text before the tokenizer sees it, in training and in use alike."""

import re
import unicodedata
from collections.abc import Sequence

_SURROGATE = re.compile("[\ud800-\udfff]")
# A byte order mark, NUL and the other control characters carry no words; line breaks and tabs do
# part words, so all of them become a space.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_SPACES = re.compile(" {2,}")


def replace_surrogates(text: str) -> str:
    """Put U+FFFD in the place of each lone surrogate, which has no UTF-8 form."""
    try:
        text.encode()  # many times as fast as to search
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def normalize(text: str) -> str:
    """One line of clean text: Unicode NFC, control characters to spaces, spaces single, trimmed.

    NFC and not NFKC: compatibility forms tear Korean chat apart (`ㅋㅋ` into conjoining jamo).
    """
    if not text.isprintable():  # surrogates and control characters are not
        text = _CONTROL.sub(" ", replace_surrogates(text))
    text = unicodedata.normalize("NFC", text)
    return (_SPACES.sub(" ", text) if "  " in text else text).strip()


def normalize_all(texts: Sequence[str]) -> list[str]:
    """What `normalize` makes of each: many texts that need nothing are found so at once."""
    together = "".join(texts)
    is_clean = together.isprintable() and "  " not in together
    if is_clean and unicodedata.is_normalized("NFC", together):  # then so is every part of it
        return [text.strip() for text in texts]
    return list(map(normalize, texts))
