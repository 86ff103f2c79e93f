"""Training speed beside OpenNMT-py and JoeyNMT: the same data, vocabulary, sizes and batches.

    python -m benchmarks.training_speed --data FOLDER [--embedding-dim 256] [--json]

A bidirectional GRU layer (2×256) and a GRU decoder layer (512) with attention, a joint vocabulary
of 8,000 pieces, batches of 4,096 tokens. Each system trains with its own trainer, one after the
other in each round; the project by `seq2seq train`, in fp32 and in bf16. Target tokens are counted
with EOS and without padding, and the first quarter of a training is not timed.

With `--embedding-dim 256` no matrix is tied to the softmax, and the numbers of parameters agree
within 5 %, but the softmax of the peers reads 512 features and that of the project 256. With
`--embedding-dim 512` every matrix is of the same size in all systems, and one matrix serves the
embeddings and the softmax.

The limit is that of the matrix products alone, measured at the shapes of the model
(`benchmarks/arithmetic.py`). What is trained stays in `runs/peers`, for `decoding_speed`.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.arithmetic import Shapes
from benchmarks.peers import (
    MODELS,
    NAMES,
    available,
    drive,
    environment,
    missing_note,
    write_corpus,
)
from benchmarks.speed import PROJECT, Rounds, Row, add_options, report
from benchmarks.variants import CONFIG, PLAIN
from pipeline.cli.train import parse
from pipeline.data.by_step import Position
from pipeline.data.datamodule import TrainingBatches
from pipeline.data.prepare import PreparedCorpus, prepare
from pipeline.model_folder import load_model
from pipeline.precision import choose_precision
from pipeline.training.metrics_file import read_metrics
from pipeline.training.run import Run

_PEERS = ("opennmt", "joeynmt")
_HIDDEN_SIZE, _VOCAB_SIZE, _BATCH_TOKENS = 512, 8000, 4096
_DROPOUT, _LABEL_SMOOTHING, _LEARNING_RATE = 0.2, 0.1, 1e-3
_VALIDATIONS = 4  # the project tells its speed at each; the first interval is the warm-up
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_NO_BF16 = "bf16 is not measured: this processor would have to emulate it"


def dtypes() -> dict[str, torch.dtype]:
    """The precisions that the processor is good at."""
    best = choose_precision("auto", device_type="cpu")
    return {name: dtype for name, dtype in _DTYPES.items() if dtype in (torch.float32, best)}


@dataclass(frozen=True)
class Setting:
    """What all systems are given.

    Attributes:
        options: `seq2seq train` without the precision and the name.
        corpus: What it makes of the data.
        embedding_dim: Of source and target.
        steps: Of the project; the peers see as many tokens.
        threads: Of each system.
        input_feeding: Of all three.
    """

    options: Sequence[str]
    corpus: PreparedCorpus
    embedding_dim: int
    steps: int
    threads: int
    input_feeding: bool


@dataclass
class Found:
    """What is said of a system besides its speed, of its last round: by its name.

    Attributes:
        num_parameters: Trained ones, a shared matrix once.
        num_tokens: Target tokens that it was trained on.
        num_steps: In so many steps.
        losses: Then, in nats a token, on validation.
        padding: Share of its target positions.
    """

    num_parameters: dict[str, int] = field(default_factory=dict)
    num_tokens: dict[str, int] = field(default_factory=dict)
    num_steps: dict[str, int] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    padding: dict[str, float] = field(default_factory=dict)


def train_options(options: argparse.Namespace) -> list[str]:
    """The words of `seq2seq train` that do not depend on the precision."""
    values = {
        "data.path": options.data,
        "data.source": options.source,
        "data.target": options.target,
        "data.tokenizer.vocab_size": _VOCAB_SIZE,
        "data.batch_tokens": _BATCH_TOKENS,
        "model.embedding_dim": options.embedding_dim,
        "model.hidden_size": _HIDDEN_SIZE,
        "model.tie_embeddings": options.embedding_dim == _HIDDEN_SIZE,
        "model.input_feeding": options.input_feeding,
        "model.dropout": _DROPOUT,
        "trainer.label_smoothing": _LABEL_SMOOTHING,
        "trainer.learning_rate": _LEARNING_RATE,
        "trainer.schedule": "constant",
        "trainer.warmup_steps": 0,
        "trainer.weight_decay": 0,
        "trainer.ema_decay": 0,  # the peers keep no average of the weights
        "trainer.max_time": "null",
        "trainer.max_steps": options.steps,
        "trainer.validate_every": options.steps // _VALIDATIONS,
    }
    words = ["--config", CONFIG, *PLAIN]  # the peers have none of what that leaves out
    for key, value in values.items():
        words += [f"--{key}", str(value).lower() if isinstance(value, bool) else str(value)]
    return words


def train_project(setting: Setting, found: Found, precision: str) -> dict[str, float]:
    """Target tokens a second of `seq2seq train`, all that it does between two validations."""
    run = Run(Path("runs") / f"speed_{precision}")
    shutil.rmtree(run.folder, ignore_errors=True)
    words = ["train", *setting.options, "--trainer.precision", precision]
    subprocess.run(
        [sys.executable, "-m", "pipeline", *words, "--name", run.folder.name],
        check=True,
        stdout=sys.stderr,
        env=environment(setting.threads),
    )
    rows = [row for row in read_metrics(run.metrics) if "tokens_per_second" in row]
    name = f"{PROJECT}, {precision}"
    trained = load_model(run.model)
    # Trained anew on the same text, SentencePiece gives the same pieces: those that the peers have.
    assert trained.source_tokenizer.fingerprint == setting.corpus.source_tokenizer.fingerprint
    found.num_parameters[name] = sum(each.numel() for each in trained.network.parameters())
    found.num_tokens[name] = json.loads(run.finished.read_text(encoding="utf-8"))["tokens"]
    found.num_steps[name] = setting.steps
    found.losses[name] = rows[-1]["val_loss"]
    found.padding[name] = padding(setting.corpus, setting.steps)
    # Equal steps have about equally many tokens: of their speeds the harmonic mean is that of all.
    speeds = [row["tokens_per_second"] for row in rows[1:]]
    return {precision: statistics.harmonic_mean(speeds)}


def peer_request(corpus: Path, folder: Path, **more: Any) -> dict[str, Any]:
    """What a peer is asked to train, on a corpus of `write_corpus`, and where it leaves it."""
    return {
        "corpus": str(corpus.resolve()),
        "folder": str(folder.resolve()),
        "dropout": _DROPOUT,
        "label_smoothing": _LABEL_SMOOTHING,
        "learning_rate": _LEARNING_RATE,
        "batch_tokens": _BATCH_TOKENS,
        "seed": 1,
        "hidden_size": _HIDDEN_SIZE,
        **more,
    }


def train_peer(setting: Setting, found: Found, name: str) -> dict[str, float]:
    """Target tokens a second of a peer, on as many tokens as the project was trained on."""
    max_tokens = found.num_tokens[f"{PROJECT}, fp32"]
    shutil.rmtree(MODELS / name, ignore_errors=True)
    request = peer_request(
        MODELS / "corpus",
        MODELS / name,
        task="train",
        embedding_dim=setting.embedding_dim,
        input_feeding=setting.input_feeding,
        warmup_tokens=max_tokens // _VALIDATIONS,
        max_tokens=max_tokens,
    )
    answer = drive(name, request, threads=setting.threads)
    found.num_parameters[NAMES[name]] = answer["num_parameters"]
    found.num_tokens[NAMES[name]] = answer["num_tokens"]
    found.num_steps[NAMES[name]] = answer["num_steps"]
    found.losses[NAMES[name]] = answer["loss"]
    found.padding[NAMES[name]] = answer["padding"]
    return {"fp32": answer["tokens_per_second"]}


def padding(corpus: PreparedCorpus, steps: int) -> float:
    """Share of the target positions of the project's batches that are padding, 0 to 1."""
    batches: Any = TrainingBatches(corpus, seed=1, position=Position())
    num_tokens = num_positions = 0
    for step in range(steps):
        batch = batches.batch(step)
        num_tokens += batch.num_tokens
        num_positions += batch.labels.numel()
    return 1 - num_tokens / num_positions


def shapes(corpus: PreparedCorpus, embedding_dim: int, features_dim: int) -> Shapes:
    """Of a batch of mean length."""
    columns = corpus.train.with_format("numpy")
    source_length, target_length = (
        round(float(np.mean(columns[f"{side}_length"][:]))) + 1 for side in ("source", "target")
    )
    return Shapes(
        embedding_dim=embedding_dim,
        hidden_size=_HIDDEN_SIZE,
        features_dim=features_dim,
        vocab_size=len(corpus.target_tokenizer),
        num_rows=round(_BATCH_TOKENS / max(source_length, target_length)),
        source_length=source_length,
        target_length=target_length,
    )


def speed_rows(rounds: Rounds) -> list[Row]:
    """Speeds by precision, fp32 first; the peers have fp32 alone, and bf16 is set beside that."""
    peers = {
        name: value for name, value in rounds.medians("fp32").items() if name in NAMES.values()
    }
    return [
        Row(
            name=f"training, {precision}" + (" (peers: fp32)" if precision != "fp32" else ""),
            unit="target tokens/s",
            ours={PROJECT: rounds.medians(precision)[f"{PROJECT}, {precision}"]},
            peers=peers,
        )
        for precision in _DTYPES
        if f"{PROJECT}, {precision}" in rounds.medians(precision)
    ]


def rows_of_limit(speeds: Sequence[Row], ours: Shapes, theirs: Shapes) -> list[Row]:
    """What the matrix products allow, measured now, and the share of it that is reached."""
    rows = []
    for row, (precision, dtype) in zip(speeds, _DTYPES.items(), strict=False):
        limit = ours.tokens_per_second(dtype)
        limits = {PROJECT: limit}
        shares = {name: value / limit for name, value in row.ours.items()}
        peers = {}
        if precision == "fp32" and row.peers:
            their_limit = theirs.tokens_per_second(dtype)
            peers = {name: value / their_limit for name, value in row.peers.items()}
        rows += [
            Row(name=f"limit by arithmetic, {precision}", unit="target tokens/s", ours=limits),
            Row(name=f"share of it, {precision}", unit="of 1", ours=shares, peers=peers),
        ]
    return rows


def notes(setting: Setting, found: Found, ours: Shapes, theirs: Shapes) -> list[str]:
    """What differs, and what else was found."""
    feeding = "with" if setting.input_feeding else "without"
    lines = [
        f"{name}: {found.num_parameters[name]:,} parameters, {found.padding[name]:.0%} padding, "
        f"{found.losses[name]:.3f} nats a token on validation after "
        f"{found.num_tokens[name]:,} target tokens in {found.num_steps[name]:,} steps"
        for name in found.losses
    ]
    return [
        *lines,
        f"all {feeding} input feeding; OpenNMT-py and the project run a whole target in one call "
        "where there is none, JoeyNMT always step by step",
        "JoeyNMT does not put sentences of one length together, the others do; its 4,096 tokens "
        "count the padding, so that it makes more steps on as many tokens",
        f"arithmetic: {ours.flops_per_token() / 1e6:.1f} MFLOP a target token in the project, "
        f"{theirs.flops_per_token() / 1e6:.1f} in the peers, whose softmax reads "
        f"{theirs.features_dim} features and not {ours.features_dim}"
        if ours.features_dim != theirs.features_dim
        else f"arithmetic: {ours.flops_per_token() / 1e6:.1f} MFLOP a target token in all",
        "the peers do not train in bf16: both know fp32, and fp16 on a GPU",
        "Adam with a constant rate of 1e-3, gradients clipped to 1, dropout 0.2, label smoothing "
        "0.1 in all; the peers read ids, so that tokens cost them nothing to make",
    ]


def main() -> None:
    """Train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a corpus, as data.path takes it")
    parser.add_argument("--source", default="de", help="its column of sources")
    parser.add_argument("--target", default="en", help="its column of targets")
    parser.add_argument("--embedding-dim", type=int, choices=(256, 512), default=256)
    parser.add_argument("--input-feeding", action="store_true", help="in all systems")
    parser.add_argument("--steps", type=int, default=60, help="of the project, a multiple of four")
    add_options(parser, peers=_PEERS, repeats=3)
    options = parser.parse_args()
    if options.steps < _VALIDATIONS or options.steps % _VALIDATIONS:
        parser.error(f"--steps: expected a multiple of {_VALIDATIONS}, got {options.steps}")
    torch.set_num_threads(options.threads)
    words = train_options(options)
    shutil.rmtree(MODELS / "corpus", ignore_errors=True)  # another corpus has other pieces
    corpus = prepare(parse([*words, "--name", "speed"]).data, MODELS / "corpus")
    write_corpus(corpus, MODELS / "corpus")
    setting = Setting(
        options=words,
        corpus=corpus,
        embedding_dim=options.embedding_dim,
        steps=options.steps,
        threads=options.threads,
        input_feeding=options.input_feeding,
    )
    asked = options.peer or _PEERS
    peers = available(asked)
    found, rounds = Found(), Rounds()
    systems: dict[str, Callable[[], Mapping[str, float]]] = {
        f"{PROJECT}, {precision}": partial(train_project, setting, found, precision)
        for precision in dtypes()
    }
    systems |= {NAMES[name]: partial(train_peer, setting, found, name) for name in peers}
    rounds.run(systems, options.repeats)
    ours = shapes(corpus, options.embedding_dim, features_dim=options.embedding_dim)
    theirs = shapes(corpus, options.embedding_dim, features_dim=_HIDDEN_SIZE)
    speeds = speed_rows(rounds)
    report(
        [*speeds, *rows_of_limit(speeds, ours, theirs)],
        options,
        notes=[
            *notes(setting, found, ours, theirs),
            *([] if "bf16" in dtypes() else [_NO_BF16]),
            *rounds.failures.values(),
            *missing_note(asked),
        ],
    )


if __name__ == "__main__":
    main()
