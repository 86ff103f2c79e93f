"""Columns of text as ids, word by word."""

import itertools
from collections.abc import Sequence

import pyarrow as pa
import pytest

from pipeline.data import words
from pipeline.data.words import IDS, WordEncoder
from pipeline.tokenizer import TURN, Tokenizer, TokenizerConfig, train_tokenizer

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "비행기가", "이륙하고", "있다."]
TEXTS = [" ".join(some) for some in itertools.permutations(WORDS, 3)]
ODD = [
    *("unheard-of words", "日本語 한국어", "a\u00a0b c", "\u2581 \uffff0", f"before {TURN} after"),
    *("ﬁne ①", "e\u0301 o", "🙂🙂 🙂", "x" * 300),
]
IRREGULAR = ["", " ", "one  two", " one", "one "]


@pytest.fixture(scope="module", params=["unigram", "bpe", "nfkc", "no bytes"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    options: dict[str, TokenizerConfig] = {
        "unigram": TokenizerConfig(vocab_size=290),
        "bpe": TokenizerConfig(vocab_size=290, model_type="bpe"),
        "nfkc": TokenizerConfig(vocab_size=290, normalization="nfkc"),
        "no bytes": TokenizerConfig(vocab_size=38, byte_fallback=False),
    }
    return train_tokenizer(TEXTS, options[request.param])


def encoded(encoder: WordEncoder, texts: Sequence[str]) -> list[list[int]]:
    ids = encoder.encode(pa.chunked_array([texts]))
    assert ids.type == IDS
    found: list[list[int]] = ids.to_pylist()
    return found


@pytest.mark.parametrize("texts", [TEXTS, ODD, ["one"], [*TEXTS[:3], *IRREGULAR, *ODD]])
def test_as_the_tokenizer_encodes_whole_texts(tokenizer: Tokenizer, texts: list[str]) -> None:
    encoder = WordEncoder(tokenizer)
    whole = tokenizer.encode_batch(texts)
    assert encoded(encoder, texts) == whole
    assert encoded(encoder, texts) == whole  # and again, of words that it knows


@pytest.mark.parametrize("text", IRREGULAR)
def test_spaces_that_part_no_words(tokenizer: Tokenizer, text: str) -> None:
    assert encoded(WordEncoder(tokenizer), [text]) == tokenizer.encode_batch([text])


def test_of_a_column_in_parts(tokenizer: Tokenizer) -> None:
    column = pa.chunked_array([TEXTS[:5], TEXTS[5:9]]).slice(2, 5)
    ids = WordEncoder(tokenizer).encode(column)
    assert ids.to_pylist() == tokenizer.encode_batch(TEXTS[2:7])


def test_words_are_encoded_once_and_not_kept_for_ever(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    encode_batch = Tokenizer.encode_batch

    def encode(self: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
        asked.extend(texts)
        return encode_batch(self, texts)

    monkeypatch.setattr(Tokenizer, "encode_batch", encode)
    monkeypatch.setattr(words, "_WORDS_KEPT", 3)
    encoder = WordEncoder(tokenizer)
    for text in ("one two", "two one three", "two four", "five", "one"):
        assert encoded(encoder, [text]) == encode_batch(tokenizer, [text])
    # Four words are more than are kept: "five" finds them forgotten, and "one" is met anew.
    assert asked == ["one", "two", "three", "four", "five", "one"]
