"""Every cell, with attention and without, at equal parameters and equal steps: one table.

    make study ARGS="[--data PATH] [--steps 600] [--cell NAME ...] [--seeds 1] [--json]"

Trains `configs/multi30k_de_en.yaml` once for each cell and attention (none, dot), with as many
parameters as the GRU with dot attention has, by its hidden size, and scores it on the test split;
with --seeds 3 the cells of which the text speaks three times. A plot of BLEU by source length goes
to runs/study_by_length.png.
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import torch

from benchmarks.variants import PLAIN, Variant, common_options, read_hypotheses, table
from pipeline.insight.gradients import gradient_norms, random_inputs
from pipeline.metrics import bleu
from pipeline.model_folder import load_model
from pipeline.nn.cells import Cell
from pipeline.nn.config import AttentionName, CellName, ModelConfig
from pipeline.nn.seq2seq import Seq2Seq

_VOCAB_SIZE = 4000
_ATTENTIONS: tuple[AttentionName, ...] = ("none", "dot")
_DISTANCE = 20
_LENGTHS = (8, 10, 12, 15, 1_000)
"""Words up to which a source is in a bin: about a fifth of the sentences of the test split each."""
_REPEATED: tuple[CellName, ...] = ("elman", "gru")
"""The cells that are trained with every seed."""
_KEYS = ("cell", "attention")
_COLUMNS = {
    "cell": "cell",
    "attention": "attention",
    "hidden_size": "hidden size",
    "num_parameters": "parameters",
    "bleu": "BLEU",
    "loss": "nats a token",
    "training": "training, tokens/s",
    "decoding": "greedy, sentences/s",
    "gradient": f"gradient at distance {_DISTANCE}",
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


def variant(
    cell: CellName, attention: AttentionName, seed: int, *, data: str | None, steps: int
) -> Variant:
    """The run of a cell with an attention and a seed."""
    # Without attention there is no lexical path: so that all are alike, there is none anywhere.
    options = ["--model.cell", cell, "--model.attention", attention, *PLAIN]
    options += ["--model.hidden_size", str(equal_size(cell, attention))]
    options += ["--data.tokenizer.vocab_size", str(_VOCAB_SIZE)]
    options += common_options(data=data, steps=steps, seed=seed)
    return Variant(f"study_{cell}_{attention}_{seed}", options)


def measured(cell: str, attention: str, seed: int, run: Variant) -> dict[str, Any]:
    """A row of the table; speeds are those of the first seed."""
    scores = run.score()
    network = load_model(run.model).model
    decoder_cell = network.decoder.layers[0]
    assert isinstance(decoder_cell, Cell)
    norms = gradient_norms(decoder_cell, random_inputs(decoder_cell, _DISTANCE + 1))
    return {
        "cell": cell,
        "attention": attention,
        "seed": seed,
        "hidden_size": network.config.hidden_size,
        "num_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bleu": scores["bleu"],
        "loss": scores["loss_nats_per_token"],
        "training": run.training_speed() if seed == 1 else None,
        "decoding": scores["sentences_per_second"] if seed == 1 else None,
        "gradient": norms[_DISTANCE],
        "by_length": bleu_by_length(Path("runs") / run.name / "hypotheses.tsv"),
    }


def bleu_by_length(hypotheses: Path) -> list[dict[str, Any]]:
    """BLEU of the sentences of a test split by the words of their source, in bins of many each."""
    rows = read_hypotheses(hypotheses)
    bins = []
    for low, high in pairwise((0, *_LENGTHS)):
        inside = [row for row in rows if low < len(row["source"].split()) <= high]
        score = bleu([row["hypothesis"] for row in inside], [row["reference"] for row in inside])
        words = f"{low + 1}–{high}" if high < _LENGTHS[-1] else f"over {low}"
        bins.append({"words": words, "num_sentences": len(inside), "bleu": score.value})
    return bins


def plot_by_length(rows: list[dict[str, Any]], path: Path) -> None:
    """BLEU by source length: without attention on the left, with it on the right."""
    from pipeline.insight.style import finish, line_styles, plt

    figure, axes = plt.subplots(ncols=2, sharey=True, figsize=(8, 4.5))
    for axis, attention in zip(axes, _ATTENTIONS, strict=True):
        chosen = [row for row in rows if row["attention"] == attention]
        for row, style in zip(chosen, line_styles(marked=True), strict=False):
            bins = [f"{each['words']}\n({each['num_sentences']})" for each in row["by_length"]]
            values = [each["bleu"] for each in row["by_length"]]
            axis.plot(bins, values, label=row["cell"], **style)
        name = "no attention" if attention == "none" else f"{attention} attention"
        axis.set(title=name, xlabel="words of the source (sentences)")
    axes[0].set(ylabel="BLEU (greedy, 13a)")
    axes[0].set_ylim(bottom=0)
    axes[1].legend(fontsize=8, ncols=2)
    finish(figure, path, title="BLEU by source length")


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a local copy of the corpus")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--cell", action="append", choices=get_args(CellName), default=[])
    parser.add_argument("--seeds", type=int, default=1, help=f"of {', '.join(_REPEATED)}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs = {
        (cell, attention, seed): variant(
            cell, attention, seed, data=options.data, steps=options.steps
        )
        for cell in options.cell or get_args(CellName)
        for attention in _ATTENTIONS
        for seed in range(1, 1 + (options.seeds if cell in _REPEATED else 1))
    }
    for run in runs.values():
        run.train()
    rows = [measured(*key, run) for key, run in runs.items()]
    plot_by_length([row for row in rows if row["seed"] == 1], Path("runs/study_by_length.png"))
    print(json.dumps({"rows": rows}) if options.json else table(rows, _KEYS, _COLUMNS))


if __name__ == "__main__":
    main()
