"""Preparing corpora of growing size: pairs a second beside SentencePiece alone, and the memory.

    python -m benchmarks.data_scale [--pairs 100000 1000000 10000000] [--json]

A corpus of made-up words is written for each size, a jsonl file without splits, and prepared from
nothing: read, split, normalised, filtered, deduplicated, encoded. The tokenizer is there before.
That is done twice, once for the time and once to look at the memory.
Beside it stands SentencePiece, with as many threads, on texts that are in memory already, with
nothing but ids to give. Then batches are taken, beside the forward and backward passes of a
training of the default size, which is the most that can ask for them.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import drive
from benchmarks.speed import PROJECT, Row, add_options, report
from pipeline.data.prepare import keep_tokenizer
from pipeline.tokenizer import TokenizerConfig, train_tokenizer

_SIZES = (100_000, 1_000_000, 10_000_000)
_NUM_WORDS = 30_000
_WORDS_A_SENTENCE = 12
_PAIRS_A_DUPLICATE = 50
_CHUNK = 50_000
_TOKENIZER: dict[str, Any] = {"vocab_size": 8000}
_TOKENIZER_SENTENCES = 100_000
_SENTENCEPIECE = "SentencePiece alone"


def sentences(num: int, *, seed: int) -> Iterator[str]:
    """Sentences of made-up words, frequent and rare as words are; their lengths differ too."""
    random = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ei", "ö")]
    lengths = random.integers(1, 5, _NUM_WORDS)
    spelling = random.choice(syllables, lengths.sum())
    words = np.array(list(_joined(spelling, lengths, "")), dtype=object)
    for start in range(0, num, _CHUNK):
        counts = 1 + random.poisson(_WORDS_A_SENTENCE - 1, min(_CHUNK, num - start))
        ranks = random.zipf(1.2, int(counts.sum())) % _NUM_WORDS
        yield from _joined(words[ranks], counts, " ")


def _joined(parts: np.ndarray, counts: np.ndarray, separator: str) -> Iterator[str]:
    """One string after another, each of so many parts."""
    ends = np.cumsum(counts)
    listed = parts.tolist()
    for begin, end in zip((ends - counts).tolist(), ends.tolist(), strict=True):
        yield separator.join(listed[begin:end])


def write_corpus(path: Path, num_pairs: int) -> None:
    """A jsonl file; one pair in fifty stands in it twice."""
    pairs = zip(sentences(num_pairs, seed=1), sentences(num_pairs, seed=2), strict=True)
    with path.open("w", encoding="utf-8") as stream:
        for number, (source, target) in enumerate(pairs):
            line = json.dumps({"source": source, "target": target}, ensure_ascii=False) + "\n"
            stream.write(line)
            if number % _PAIRS_A_DUPLICATE == 0:
                stream.write(line)


def set_up(path: Path, num_pairs: int, tokenizer: dict[str, Any]) -> None:
    """The corpus, and beside it the tokenizer that preparing finds."""
    write_corpus(path, num_pairs)
    both = zip(sentences(num_pairs, seed=1), sentences(num_pairs, seed=2), strict=True)
    some = itertools.islice(itertools.chain.from_iterable(both), _TOKENIZER_SENTENCES)
    trained = train_tokenizer(some, TokenizerConfig(**tokenizer))
    keep_tokenizer(trained, path.with_name("joint.model"))


def measure(num_pairs: int, folder: Path, threads: int) -> list[Row]:
    """The rows of one size; `folder` is for its files."""
    path = folder / "pairs.jsonl"
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:  # with its own memory
        process.submit(set_up, path, num_pairs, _TOKENIZER).result()
    request = {"path": str(path), "folder": str(folder), "tokenizer": _TOKENIZER}
    os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
    found = drive("preparing", {"task": "prepare", **request}, threads=threads)
    alone = drive("preparing", {"task": "encode", **request}, threads=threads)
    shutil.rmtree(folder / "cache")
    memory = drive("preparing", {"task": "memory", **request}, threads=threads)
    size = f"{num_pairs:,} pairs"
    return [
        Row(
            name=f"{size}: prepared",
            unit="pairs/s",
            ours={PROJECT: alone["num_pairs"] / found["seconds"]},
            peers={_SENTENCEPIECE: alone["num_pairs"] / alone["seconds"]},
        ),
        Row(name=f"{size}: memory", unit="MiB", ours={PROJECT: memory["own_mib"]}),
        Row(
            name=f"{size}: memory with mapped files",
            unit="MiB",
            ours={PROJECT: memory["resident_mib"]},
        ),
        Row(name=f"{size}: first batch", unit="s", ours={PROJECT: found["seconds_to_first_batch"]}),
        Row(
            name=f"{size}: batches",
            unit="target tokens/s",
            ours={PROJECT: found["delivered_tokens_per_second"]},
            peers={"training": found["trained_tokens_per_second"]},
        ),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=_SIZES, help="sizes of the corpora")
    add_options(parser, peers=(), repeats=1)
    options = parser.parse_args()
    rows = []
    for num_pairs in options.pairs:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(num_pairs, Path(folder), options.threads)
    report(rows, options, notes=["memory is that of all processes together, at its peak"])


if __name__ == "__main__":
    main()
