"""Prepares a corpus in a process of its own: how long it takes, and the memory that it needs."""

import pipeline.cli.main  # noqa: F401  # sets how threads wait, as every command does

# isort: split
import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch

from benchmarks.drivers.measure import serve
from pipeline.data.by_step import Position
from pipeline.data.config import DataConfig
from pipeline.data.datamodule import TrainingBatches
from pipeline.data.files import DataFile, read_rows
from pipeline.data.prepare import PreparedCorpus, prepare, tokenizer_files
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.precision import choose_precision
from pipeline.tokenizer import TokenizerConfig

_SECONDS_BETWEEN_LOOKS = 0.2
_LINES_AT_A_TIME = 10_000
_NUM_BATCHES = 500
_NUM_STEPS = 8


@dataclass
class Peak:
    """The most memory that this process and those that it started held together, in MiB.

    Attributes:
        resident: All that was in memory, pages of files too, which the system drops at need.
        own: Without those.
    """

    resident: float = 0.0
    own: float = 0.0

    def look(self) -> None:
        """Look at it now."""
        resident = own = 0
        for process in _family(os.getpid()):
            try:
                lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
            except OSError:
                continue  # it has ended
            sizes = {line.split(":")[0]: line.split()[1] for line in lines.splitlines()[1:]}
            resident += int(sizes["Pss"])
            own += int(sizes["Pss_Anon"])
        self.resident = max(self.resident, resident / 1024)
        self.own = max(self.own, own / 1024)


def _family(process: int) -> Iterator[int]:
    """The process and all those below it."""
    yield process
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = path.read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


@contextmanager
def watched() -> Iterator[Peak]:
    """Look again and again while the block runs."""
    peak, is_over = Peak(), threading.Event()

    def watch() -> None:
        while not is_over.wait(_SECONDS_BETWEEN_LOOKS):
            peak.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        peak.look()
        is_over.set()
        watcher.join()


def prepared(request: dict[str, Any]) -> dict[str, Any]:
    """Prepare the corpus of the request, then take batches of it, and train a few steps."""
    started = time.perf_counter()
    corpus = _prepare(request)
    seconds = time.perf_counter() - started
    batches = TrainingBatches(corpus, seed=1, position=Position())
    started = time.perf_counter()
    batches.batch(0)
    seconds_to_first = time.perf_counter() - started
    started = time.perf_counter()
    num_tokens = _take(batches)
    return {
        "num_pairs": len(corpus.train),
        "seconds": seconds,
        "seconds_to_first_batch": seconds_to_first,
        "delivered_tokens_per_second": num_tokens / (time.perf_counter() - started),
        "trained_tokens_per_second": _training_speed(batches, len(corpus.source_tokenizer)),
    }


def memory(request: dict[str, Any]) -> dict[str, Any]:
    """The same as far as the batches, with an eye on the memory.

    To look costs a tenth of the time and more, so that nothing is timed here.
    """
    with watched() as peak:
        _take(TrainingBatches(_prepare(request), seed=1, position=Position()))
    return {"resident_mib": peak.resident, "own_mib": peak.own}


def _prepare(request: dict[str, Any]) -> PreparedCorpus:
    config = DataConfig(path=request["path"], tokenizer=TokenizerConfig(**request["tokenizer"]))
    return prepare(config, Path(request["folder"]))


def _take(batches: TrainingBatches) -> int:
    """Take the batches after the first; their target tokens."""
    return sum(batches.batch(i).num_tokens for i in range(1, _NUM_BATCHES))


def _training_speed(batches: TrainingBatches, vocab_size: int) -> float:
    """Target tokens a second of the passes forward and back alone: training takes longer."""
    network = Seq2Seq(
        ModelConfig(),
        source_vocab_size=vocab_size,
        target_vocab_size=vocab_size,
        joint_vocabulary=True,
    )
    dtype = choose_precision("auto", device_type="cpu")
    started, num_tokens = 0.0, 0
    for i, batch in enumerate(map(batches.batch, range(_NUM_STEPS))):
        if i == 1:
            started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = network.loss(batch)  # type: ignore[arg-type]
        loss.objective_sum.backward()
        num_tokens += loss.num_predictions if i else 0
    return num_tokens / (time.perf_counter() - started)


def encoded(request: dict[str, Any]) -> dict[str, Any]:
    """SentencePiece alone: both sides of every pair to ids, of texts that are in memory."""
    config = DataConfig(path=request["path"], tokenizer=TokenizerConfig(**request["tokenizer"]))
    (file,) = tokenizer_files(config, Path(request["folder"]))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(file))
    rows = read_rows(DataFile(request["path"], Path(request["path"])), ["source", "target"])
    seconds, num_pairs = 0.0, 0
    while chunk := list(itertools.islice(rows, _LINES_AT_A_TIME)):
        for side in ("source", "target"):
            texts = [str(row[side]) for _, row in chunk]
            started = time.perf_counter()
            processor.encode(texts, num_threads=request["threads"])
            seconds += time.perf_counter() - started
        num_pairs += len(chunk)
    return {"num_pairs": num_pairs, "seconds": seconds}


if __name__ == "__main__":
    serve({"prepare": prepared, "memory": memory, "encode": encoded})
