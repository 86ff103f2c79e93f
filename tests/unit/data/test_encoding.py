import itertools
import os
from pathlib import Path
from typing import Any

import datasets
import pytest

from pipeline.data import cache
from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_split
from pipeline.data.encoding import encode_pairs
from pipeline.data.pairs import text_pairs
from pipeline.tokenizer import TURN, Tokenizer, TokenizerConfig, train_tokenizer

WORDS = ["one", "two", "three", "four", "five", "six", "seven"]
TEXTS = [" ".join(words) for words in itertools.permutations(WORDS, 3)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, TokenizerConfig(vocab_size=280))


@pytest.fixture(scope="module")
def other_tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, TokenizerConfig(vocab_size=278))


def pairs_of(sources: list[str], targets: list[str]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"source": sources, "target": targets})


def stored_pairs(folder: Path) -> datasets.Dataset:
    path = folder / "a.tsv"
    if not path.exists():
        path.write_text("source\ttarget\n" + "".join(f"{text}\t{text}\n" for text in TEXTS))
    config = DataConfig(path=str(path))
    return text_pairs(load_split(config, "all", whole_file=True), config)


def test_ids_are_those_of_the_tokenizers(tokenizer: Tokenizer, other_tokenizer: Tokenizer) -> None:
    encoded, dropped = encode_pairs(
        pairs_of(TEXTS, TEXTS[::-1]),
        tokenizer,
        other_tokenizer,
        DataConfig(path="x"),
        drop_too_long=True,
    )
    assert dropped == 0
    assert list(encoded["source_ids"]) == [tokenizer.encode(text) for text in TEXTS]
    assert list(encoded["target_ids"]) == [other_tokenizer.encode(text) for text in TEXTS[::-1]]
    assert list(encoded["target_length"]) == [len(ids) for ids in encoded["target_ids"]]
    assert encoded.features["source_ids"] == datasets.List(datasets.Value("int32"))


def test_long_pairs_are_dropped_where_asked(tokenizer: Tokenizer) -> None:
    limit = len(tokenizer.encode("one two"))
    config = DataConfig(path="x", max_tokens=limit)
    pairs = pairs_of(["one two", "one two three", "one"], ["one two", "one", "six " * 9])
    kept, dropped = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)
    assert (len(kept), dropped) == (1, 2)
    everything, dropped = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=False)
    assert (len(everything), dropped) == (3, 0)
    assert everything[1]["source_ids"] == tokenizer.encode("one two three")


def test_empty_sides_have_no_ids(tokenizer: Tokenizer) -> None:
    encoded, _ = encode_pairs(
        pairs_of([""], [""]), tokenizer, tokenizer, DataConfig(path="x"), drop_too_long=False
    )
    assert encoded[0] == {
        "source_ids": [],
        "target_ids": [],
        "source_length": 0,
        "target_length": 0,
    }


def test_the_context_of_a_chat_is_cut_before_its_length_counts(tokenizer: Tokenizer) -> None:
    last = tokenizer.encode(f"x {TURN} one two")[-len(tokenizer.encode("one two")) :]
    config = DataConfig(path="x", task="chat", context_tokens=len(last) + 1, max_tokens=30)
    pairs = pairs_of([f"{'six ' * 50}{TURN} one two"], ["three"])
    encoded, dropped = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)
    assert dropped == 0
    assert encoded[0]["source_ids"] == last


def test_what_was_encoded_is_not_encoded_again(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DataConfig(path="x")
    pairs = stored_pairs(tmp_path)
    first, _ = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)
    assert first.cache_files
    monkeypatch.setattr(Tokenizer, "encode_batch", None)
    again, _ = encode_pairs(
        stored_pairs(tmp_path), tokenizer, tokenizer, config, drop_too_long=True
    )
    assert again.cache_files == first.cache_files
    assert again[:] == first[:]


@pytest.mark.parametrize(
    "changed", [{"max_tokens": 2}, {"task": "chat", "context_tokens": 1}, {"drop_too_long": False}]
)
def test_other_options_are_encoded_anew(
    tmp_path: Path, tokenizer: Tokenizer, other_tokenizer: Tokenizer, changed: dict[str, Any]
) -> None:
    pairs = stored_pairs(tmp_path)
    options = {"max_tokens": 50, "drop_too_long": True} | changed
    drop_too_long = bool(options.pop("drop_too_long"))
    changed_config = DataConfig(path="x", **options)
    config = DataConfig(path="x", max_tokens=50)
    first, _ = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)
    second, _ = encode_pairs(
        pairs, tokenizer, tokenizer, changed_config, drop_too_long=drop_too_long
    )
    third, _ = encode_pairs(pairs, tokenizer, other_tokenizer, config, drop_too_long=True)
    assert first.cache_files != second.cache_files
    assert first.cache_files != third.cache_files


def test_options_that_do_not_matter_do_not_count(tmp_path: Path, tokenizer: Tokenizer) -> None:
    pairs = stored_pairs(tmp_path)
    configs = [DataConfig(path="x"), DataConfig(path="y", context_tokens=3, batch_tokens=9)]
    first, second = (
        encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)[0]
        for config in configs
    )
    assert first.cache_files == second.cache_files


def test_many_processes_give_what_one_gives(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DataConfig(path="x")
    pairs = stored_pairs(tmp_path)
    alone, _ = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)
    monkeypatch.setattr(cache, "_PARALLEL_FROM_ROWS", 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    together, _ = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=False)
    assert len(together.cache_files) == 2
    assert together[:] == alone[:]


def test_nothing_is_printed_where_no_terminal_is(
    tmp_path: Path, tokenizer: Tokenizer, capfd: pytest.CaptureFixture[str]
) -> None:
    encode_pairs(
        stored_pairs(tmp_path), tokenizer, tokenizer, DataConfig(path="x"), drop_too_long=True
    )
    assert capfd.readouterr() == ("", "")


def test_the_tag_of_the_target_language_goes_before_the_source() -> None:
    tokenizer = train_tokenizer(TEXTS, TokenizerConfig(vocab_size=280), languages=["de", "ko"])
    sources, languages = ["one two", "three", "one two three"], ["ko", "de", "ko"]
    pairs = pairs_of(sources, sources).add_column("target_language", languages)
    limit = max(len(tokenizer.encode(source)) for source in sources[:2])
    config = DataConfig(path="x", max_tokens=limit)
    encoded, num_dropped = encode_pairs(pairs, tokenizer, tokenizer, config, drop_too_long=True)
    assert num_dropped == 1  # the tag does not count
    assert list(encoded["source_ids"]) == [
        [tokenizer.tag_id(language), *tokenizer.encode(source)]
        for source, language in zip(sources[:2], languages[:2], strict=True)
    ]
    assert list(encoded["source_length"]) == [len(ids) for ids in encoded["source_ids"]]
    assert list(encoded["target_ids"]) == tokenizer.encode_batch(sources[:2])
