import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.chat import Blocklist
from pipeline.errors import DataError
from pipeline.text import normalize


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("damn", "Oh DAMN it"),
        ("바보", "너는 바보야!"),
        ("straße", "in der STRASSE"),
        ("two words", "these two  words"),
        ("😀", "ok 😀"),
        (unicodedata.normalize("NFD", "바보"), "바보"),
        ("바보", unicodedata.normalize("NFD", "바보")),
        (" padded\r", "unpadded"),
        ("cafe", "cafe\u0301"),  # composed it is another word, but one sees the first on the way
    ],
)
def test_what_is_blocked(phrase: str, text: str) -> None:
    assert Blocklist(["nothing", phrase]).blocks(text)


@pytest.mark.parametrize(
    ("phrase", "text"), [("two words", "twowords"), ("바보", "바 보"), ("a", "")]
)
def test_what_is_not(phrase: str, text: str) -> None:
    assert not Blocklist([phrase]).blocks(text)


def test_without_phrases_it_is_empty() -> None:
    assert not Blocklist(["", "  ", "\u3000\t"])
    assert not Blocklist([""]).blocks("anything")
    assert Blocklist(["a"])


@settings(max_examples=50)
@given(st.text(max_size=4), st.text(), st.text(), st.booleans())
def test_a_phrase_in_a_text_is_found_however_it_is_written(
    phrase: str, before: str, after: str, is_upper: bool
) -> None:
    blocklist = Blocklist([phrase])
    text = before + (phrase.upper().lower() if is_upper else phrase) + after
    if blocklist and phrase.strip().casefold() in text.casefold():
        assert blocklist.blocks(text)
    if normalize(phrase) and normalize(phrase).casefold() in normalize(text).casefold():
        assert blocklist.blocks(text)


def test_a_file_of_phrases(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffdamn\r\n\r\n바보\n two words \n".encode())
    blocklist = Blocklist.from_file(path)
    for text in ("Damn!", "바보", "two words"):
        assert blocklist.blocks(text)
    assert not blocklist.blocks("nothing of it\n\r")


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    with pytest.raises(DataError, match=r"words.txt: cannot be read \(No such file"):
        Blocklist.from_file(path)
    path.write_bytes(b"good\n\xff\xfe\n")
    with pytest.raises(DataError, match=r"words.txt, line 2: expected UTF-8 text"):
        Blocklist.from_file(path)
