"""Every cell, with attention and without, at equal parameters and equal steps: one table.

    python benchmarks/study.py [--data PATH] [--steps 1200] [--cell NAME ...] [--seeds 1] [--json]

Trains `configs/multi30k_de_en.yaml` once for each cell, attention (none, dot) and seed, with as
many parameters as the GRU with dot attention has, by its hidden size, and scores it on the test
split. The runs are called study_CELL_ATTENTION_SEED: those that have finished are not run again,
and one that was interrupted goes on. A plot of BLEU by source length goes to
runs/study_by_length.png.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import torch

from pipeline.insight.gradients import gradient_norms, random_inputs
from pipeline.model_folder import load_model
from pipeline.nn.cells import Cell
from pipeline.nn.config import AttentionName, CellName, ModelConfig
from pipeline.nn.seq2seq import Seq2Seq

_CONFIG = "configs/multi30k_de_en.yaml"
_VOCAB_SIZE = 4000
_ATTENTIONS: tuple[AttentionName, ...] = ("none", "dot")
_DISTANCE = 20
_COLUMNS = {
    "cell": "cell",
    "attention": "attention",
    "hidden_size": "hidden size",
    "num_parameters": "parameters",
    "bleu": "BLEU",
    "loss": "nats a token",
    "training": "training, tokens/s",
    "decoding": "greedy, sentences/s",
    "gradient": f"gradient at {_DISTANCE}",
}


def num_parameters(cell: CellName, attention: AttentionName, hidden_size: int) -> int:
    """Parameters of the whole network."""
    with torch.device("meta"):  # sizes without numbers
        model = Seq2Seq(
            ModelConfig(cell=cell, attention=attention, hidden_size=hidden_size),
            source_vocab_size=_VOCAB_SIZE,
            target_vocab_size=_VOCAB_SIZE,
            joint_vocabulary=True,
        )
    return sum(parameter.numel() for parameter in model.parameters())


def equal_size(cell: CellName, attention: AttentionName) -> int:
    """The hidden size, a multiple of 16, with which the network is as large as the reference."""
    wanted = num_parameters("gru", "dot", 512)
    return min(
        range(320, 1200, 16),
        key=lambda hidden_size: abs(num_parameters(cell, attention, hidden_size) - wanted),
    )


def run(
    cell: CellName, attention: AttentionName, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Train, unless it was before, and score."""
    hidden_size = equal_size(cell, attention)
    name = f"study_{cell}_{attention}_{seed}"
    seq2seq = [sys.executable, "-m", "pipeline"]
    words = [*seq2seq, "train", "--config", _CONFIG, "--name", name, "--seed", str(seed)]
    words += ["--model.cell", cell, "--model.attention", attention]
    words += ["--model.hidden_size", str(hidden_size), "--trainer.max_steps", str(options.steps)]
    words += ["--trainer.max_time", "null", "--trainer.validate_every", str(options.steps)]
    words += ["--data.path", options.data] if options.data else []
    subprocess.run(words, check=True, stdout=sys.stderr)
    folder = Path("runs") / name
    scored = subprocess.run(
        [*seq2seq, "evaluate", str(folder / "model"), "--json"],
        check=True,
        stdout=subprocess.PIPE,
    )
    scores = json.loads(scored.stdout)
    with (folder / "metrics.csv").open(encoding="utf-8") as stream:
        speeds = [float(row["tokens_per_second"] or 0) for row in csv.DictReader(stream)]
    network = load_model(folder / "model").model
    decoder_cell = network.decoder.layers[0]
    assert isinstance(decoder_cell, Cell)
    norms = gradient_norms(decoder_cell, random_inputs(decoder_cell, _DISTANCE + 1))
    return {
        "cell": cell,
        "attention": attention,
        "seed": seed,
        "hidden_size": hidden_size,
        "num_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bleu": scores["bleu"],
        "loss": scores["loss_nats_per_token"],
        "training": max(speeds),
        "decoding": scores["sentences_per_second"],
        "gradient": norms[_DISTANCE],
        "by_length": scores["by_length"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown; with several seeds their mean and standard deviation."""
    lines = ["| " + " | ".join(_COLUMNS.values()) + " |", "| --- " * len(_COLUMNS) + "|"]
    for cell, attention in dict.fromkeys((row["cell"], row["attention"]) for row in rows):
        same = [row for row in rows if (row["cell"], row["attention"]) == (cell, attention)]
        lines.append("| " + " | ".join(_entry(name, same) for name in _COLUMNS) + " |")
    return "\n".join(lines)


def _entry(name: str, same: list[dict[str, Any]]) -> str:
    values = [row[name] for row in same]
    if isinstance(values[0], str):
        return f"`{values[0]}`"
    mean = statistics.fmean(values)
    form = {"bleu": ".2f", "loss": ".3f", "gradient": ".1e"}.get(name, ",.0f")
    spread = f" ± {statistics.stdev(values):{form}}" if len(set(values)) > 1 else ""
    return f"{mean:{form}}{spread}"


def plot_by_length(rows: list[dict[str, Any]], path: Path) -> None:
    """BLEU by source length, a line for each run."""
    from pipeline.insight.style import finish, line_styles, plt

    figure, axis = plt.subplots(figsize=(7, 4.5))
    for row, style in zip(rows, line_styles(), strict=False):
        lengths = [each["words"] for each in row["by_length"]]
        values = [each["bleu"] for each in row["by_length"]]
        axis.plot(lengths, values, label=f"{row['cell']}, {row['attention']}", marker="o", **style)
    axis.set(xlabel="words of the source", ylabel="BLEU (greedy, 13a)", ylim=(0, None))
    axis.legend(fontsize=8, ncols=2)
    finish(figure, path, title="BLEU by source length")


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a local copy of the corpus")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--cell", action="append", choices=get_args(CellName), default=[])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [
        run(cell, attention, seed, options)
        for cell in options.cell or get_args(CellName)
        for attention in _ATTENTIONS
        for seed in range(1, 1 + options.seeds)
    ]
    plot_by_length([row for row in rows if row["seed"] == 1], Path("runs/study_by_length.png"))
    print(json.dumps({"rows": rows}) if options.json else table(rows))


if __name__ == "__main__":
    main()
