"""A configuration trained in variants: what `study` and `embeddings` have in common.

Each variant is a run of `seq2seq train` under a name of its own in `runs/`: one that has finished
is not run again, and one that was interrupted goes on. Quality comes from that run. Speed is
measured afterwards, one variant after the other, so that it does not matter what else the machine
did while they trained.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from pipeline.cli.train import parse
from pipeline.data.by_step import Position
from pipeline.data.datamodule import TrainingBatches
from pipeline.precision import choose_precision
from pipeline.training.jobs import TextJob

CONFIG = "configs/multi30k_de_en.yaml"
PLAIN = (
    *("--model.lexical", "false", "--model.coverage", "false"),
    *("--model.deep_output", "false"),
)
"""Of CONFIG the encoder-decoder with attention alone."""

_WARMUP_STEPS, _TIMED_STEPS = 5, 25
_FORMS = {
    "bleu": ".2f",
    "bleu_lowercased": ".2f",
    "chrf": ".2f",
    "loss": ".3f",
    "gradient": ".1e",
}


@dataclass(frozen=True)
class Variant:
    """One run.

    Attributes:
        name: Its folder in `runs`.
        options: What it is trained with, besides the configuration.
        config: The configuration.
    """

    name: str
    options: Sequence[str]
    config: str = CONFIG

    @property
    def model(self) -> Path:
        """Its model folder."""
        return Path("runs") / self.name / "model"

    def hypotheses(self, split: str) -> Path:
        """Where `score` writes what it translates."""
        return Path("runs") / self.name / f"{split}.tsv"

    def train(self) -> None:
        """Train it, unless it was before."""
        words = ["train", "--config", self.config, "--name", self.name, *self.options]
        _seq2seq(words, stdout=sys.stderr)

    def score(self, split: str = "test", *options: str) -> Mapping[str, Any]:
        """What `seq2seq evaluate --json` says of it."""
        words = ["evaluate", str(self.model), "--split", split, "--json", *options]
        words += ["--output", str(self.hypotheses(split))]
        found = _seq2seq(words, stdout=subprocess.PIPE)
        scores: dict[str, Any] = json.loads(found.stdout)
        return scores

    def training_speed(self) -> float:
        """Target tokens a second, in forward and backward pass and optimizer, without Lightning."""
        config = parse(["--config", self.config, "--name", self.name, *self.options])
        with tempfile.TemporaryDirectory() as folder:
            job = TextJob(config, Path(folder))
        network = job.network(is_new=False).train()
        optimizer = torch.optim.AdamW(network.parameters(), fused=True)
        in_bf16 = choose_precision("auto", device_type="cpu") == torch.bfloat16
        batches: Iterator[Any] = iter(TrainingBatches(job.corpus, seed=1, position=Position()))
        num_tokens, started = 0, 0.0
        for step, batch in enumerate(islice(batches, _WARMUP_STEPS + _TIMED_STEPS)):
            if step == _WARMUP_STEPS:
                num_tokens, started = 0, time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=in_bf16):
                loss = network.loss(batch, label_smoothing=config.trainer.label_smoothing)
            (loss.objective_sum / loss.num_predictions).backward()
            optimizer.step()
            optimizer.zero_grad()
            num_tokens += batch.num_tokens
        return num_tokens / (time.perf_counter() - started)


def read_hypotheses(path: Path) -> list[dict[str, str]]:
    """What `seq2seq train` and `evaluate --output` write: rows of source, reference, hypothesis."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def common_options(*, data: str | None, steps: int, seed: int) -> list[str]:
    """What the variants of a comparison share: the steps, and the end of them as the model."""
    words = ["--seed", str(seed), "--trainer.max_steps", str(steps), "--trainer.max_time", "null"]
    words += ["--trainer.validate_every", str(steps)]
    return words + (["--data.path", data] if data else [])


def table(
    rows: Sequence[Mapping[str, Any]], keys: Sequence[str], columns: Mapping[str, str]
) -> str:
    """Markdown, a line for each different value of `keys`: of several seeds mean ± deviation."""
    lines = ["| " + " | ".join(columns.values()) + " |", "| --- " * len(columns) + "|"]
    for group in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        same = [row for row in rows if tuple(row[key] for key in keys) == group]
        lines.append("| " + " | ".join(_entry(name, same) for name in columns) + " |")
    return "\n".join(lines)


def _entry(name: str, same: Sequence[Mapping[str, Any]]) -> str:
    values = [row[name] for row in same if row[name] is not None]
    if isinstance(values[0], str):
        return f"`{values[0]}`"
    form = _FORMS.get(name, ",.0f")
    spread = f" ± {statistics.stdev(values):{form}}" if len(set(values)) > 1 else ""
    return f"{statistics.fmean(values):{form}}{spread}"


def _seq2seq(words: Sequence[str], *, stdout: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *words]
    return subprocess.run(command, check=True, stdout=stdout, text=True)
