"""Wall clock from raw text to a model folder whose validation, greedy, reaches a BLEU.

    python -m benchmarks.time_to_quality --data FOLDER [--bleu 35] [--config FILE]
        [OPTION OF seq2seq train ...] [--peers] [--limit 1800] [--json]

The project: one `seq2seq train`, with nothing cached, from the start of its process until the model
folder holds a model that its validation scored that high; the training is then ended. With --peers
OpenNMT-py beside it, to the same BLEU: the tokenizer and the ids are made by the project and their
time counts, its validations save a model, load it and translate the same sentences greedily. It
has the sizes and the recipe of `training_speed`. BLEU is sacreBLEU's in both, cased, of plain text.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import datasets

from benchmarks.peers import (
    MODELS,
    NAMES,
    available,
    drive,
    environment,
    missing_note,
    write_corpus,
)
from benchmarks.speed import PROJECT, Rounds, add_options, report, row_of
from benchmarks.training_speed import peer_request
from benchmarks.variants import CONFIG
from pipeline.cli.train import parse
from pipeline.data.prepare import prepare

_QUANTITY = "raw text to model folder"
_NAME = "time_to_quality"
_SECONDS_BETWEEN_LOOKS = 0.1


def seconds_to_bleu(
    words: Sequence[str], bleu: float, *, threads: int, limit: float
) -> tuple[float | None, float]:
    """Train the project until its model folder holds a model of that BLEU.

    Args:
        words: Of `seq2seq train`.
        bleu: On validation, 0 to 100.
        threads: Of the process.
        limit: Seconds after which it is given up.

    Returns:
        Seconds from the start of the process, None if it never came to that; the best BLEU.
    """
    run = Path("runs") / _NAME
    shutil.rmtree(run, ignore_errors=True)
    best = 0.0
    with tempfile.TemporaryDirectory() as cache:
        started = time.time()
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "train", *words, "--name", _NAME],
            stdout=sys.stderr,
            env={**environment(threads), "HF_HOME": cache, "HF_DATASETS_CACHE": cache},
        )
        try:
            is_over = False
            while not is_over:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                is_over = process.poll() is not None or time.time() - started > limit
                if (found := _validated(run / "model")) is None:
                    continue
                best, written = found
                if best >= bleu:
                    return written - started, best
            if process.returncode:
                raise SystemExit(f"seq2seq train failed with exit code {process.returncode}")
        finally:
            process.terminate()
            process.wait()
    return None, best


def _validated(model: Path) -> tuple[float, float] | None:
    """BLEU of the model's validation, and when it was written; its `config.json` comes last."""
    path = model / "config.json"
    if not path.is_file():
        return None
    scores = json.loads(path.read_text(encoding="utf-8"))["scores"]["validation"]
    return scores["val_bleu"], path.stat().st_mtime


def opennmt_to_bleu(
    words: Sequence[str], bleu: float, *, threads: int, limit: float, every: int
) -> tuple[float | None, float]:
    """The same of OpenNMT-py; what the project prepares for it is part of the time.

    Raises:
        DriverError: It failed.
    """
    started = time.time()
    folder = MODELS / _NAME
    shutil.rmtree(folder, ignore_errors=True)
    corpus = prepare(parse([*words, "--name", _NAME]).data, folder / "corpus")
    write_corpus(corpus, folder / "corpus")
    request = peer_request(
        folder / "corpus",
        folder / "opennmt",
        task="train_to",
        embedding_dim=256,
        input_feeding=False,
        tokenizer=str((folder / "corpus" / "tokenizer.model").resolve()),
        sources=list(corpus.validation_text["source"]),
        references=list(corpus.validation_text["target"]),
        bleu=bleu,
        started=started,
        seconds=limit,
        validate_every=every,
    )
    answer = drive("opennmt", request, threads=threads)
    return answer["seconds"], answer["best"]


def main() -> None:
    """Train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="a corpus, as data.path takes it")
    parser.add_argument("--config", default=CONFIG)
    parser.add_argument("--bleu", type=float, default=35.0)
    parser.add_argument("--validate-every", type=int, default=100, help="steps")
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds, of each system")
    parser.add_argument("--peers", action="store_true", help="OpenNMT-py beside it")
    add_options(parser, peers=(), repeats=1)
    options, more = parser.parse_known_args()
    options.peer = ["opennmt"] if options.peers else []
    how = {"threads": options.threads, "limit": options.limit}
    words = ["--config", options.config, "--data.path", options.data, *more]
    every = ["--trainer.validate_every", str(options.validate_every)]
    notes = [f"from `seq2seq train {' '.join([*words, *every])}` on, until BLEU {options.bleu}"]
    best: dict[str, float] = {}
    rounds = Rounds()

    def project() -> dict[str, float]:
        seconds, best[PROJECT] = seconds_to_bleu([*words, *every], options.bleu, **how)
        return {} if seconds is None else {_QUANTITY: seconds}

    def opennmt() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as cache:
            datasets.config.HF_DATASETS_CACHE = Path(cache)  # nothing that was made before
            seconds, best[NAMES["opennmt"]] = opennmt_to_bleu(
                words, options.bleu, every=options.validate_every, **how
            )
        return {} if seconds is None else {_QUANTITY: seconds}

    systems = {PROJECT: project}
    if available(options.peer):
        systems[NAMES["opennmt"]] = opennmt
    rounds.run(systems, options.repeats)
    for name, value in best.items():
        if name not in rounds.values[_QUANTITY]:
            notes.append(f"{name}: not within {options.limit:.0f} s; its best BLEU was {value:.2f}")
    row = row_of(_QUANTITY, rounds.medians(_QUANTITY), "s", less_is_better=True)
    notes += [*rounds.failures.values(), *missing_note(options.peer)]
    report([row], options, notes=notes)


if __name__ == "__main__":
    main()
