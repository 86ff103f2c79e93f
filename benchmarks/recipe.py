"""What each part of the recipe does by itself, added to the configuration as it is: one table.

    python -m benchmarks.recipe [--data PATH] [--steps 3600] [--seeds 3] [--part NAME ...] [--json]

Trains `configs/multi30k_de_en_small.yaml` for so many steps with each part and seed, and scores it
on the validation split, greedy: the parts are chosen there. Beside the mean and the deviation over
the seeds stands in how many of them the part is better and worse than the base of the same seed
(paired bootstrap, `docs/judging.md`). What ran before is not run again.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.variants import Variant, common_options, read_hypotheses, table
from pipeline.evaluation.comparison import judge
from pipeline.metrics import paired_bootstrap
from pipeline.model_folder import load_model

_CONFIG = "configs/multi30k_de_en_small.yaml"
_SPLIT = "validation"
_BASE = "base"
_ENDING = "larger-batches-at-last"
PARTS: dict[str, Sequence[str]] = {
    _BASE: (),
    "vocabulary-1000": ("--data.tokenizer.vocab_size", "1000"),
    "vocabulary-2000": ("--data.tokenizer.vocab_size", "2000"),
    "vocabulary-8000": ("--data.tokenizer.vocab_size", "8000"),
    "separate-vocabularies": (
        *("--data.tokenizer.joint", "false", "--data.tokenizer.vocab_size", "2000"),
    ),
    "bpe": ("--data.tokenizer.model_type", "bpe"),
    "bpe-dropout": ("--data.tokenizer.model_type", "bpe", "--data.tokenizer.bpe_dropout", "0.1"),
    "unigram-sampling": ("--data.tokenizer.sampling_alpha", "0.3"),
    "dropout-0.1": ("--model.dropout", "0.1"),
    "dropout-0.3": ("--model.dropout", "0.3"),
    "variational-dropout": ("--model.variational_dropout", "true"),
    "word-dropout": ("--model.word_dropout", "0.1"),
    "embedding-dropout": ("--model.embedding_dropout", "0.1"),
    "weight-dropout": ("--model.weight_dropout", "0.2"),
    "no-label-smoothing": ("--trainer.label_smoothing", "0"),
    "r-drop": ("--trainer.r_drop", "4"),
    "no-moving-average": ("--trainer.ema_decay", "0"),
    "checkpoint-averaging": (  # it is judged often, and the best is taken: a small advantage
        *("--trainer.ema_decay", "0", "--trainer.average_checkpoints", "5"),
        *("--trainer.validate_every", "100"),
    ),
    "lstm": ("--model.cell", "lstm"),
    "layer-normalised-lstm": ("--model.cell", "ln_lstm"),
    "two-layers": ("--model.num_layers", "2"),
    "two-layers-not-residual": ("--model.num_layers", "2", "--model.residual", "false"),
    "attention-after-each": ("--model.num_layers", "2", "--model.attention_after", "each"),
    "multi-head": ("--model.attention", "multi_head"),
    "additive-attention": ("--model.attention", "additive"),
    "no-lexical": ("--model.lexical", "false"),
    "coverage": ("--model.coverage", "true"),
    "deep-output": ("--model.deep_output", "true"),
    "input-feeding": ("--model.input_feeding", "true"),
    "inverse-sqrt": ("--trainer.schedule", "inverse_sqrt"),
    "batches-of-1024": ("--data.batch_tokens", "1024"),
    "batches-of-4096": ("--data.batch_tokens", "4096"),
    _ENDING: ("--data.ending_batch_tokens", "8192"),
    "together": (  # what makes a better network by itself
        *("--model.coverage", "true", "--model.deep_output", "true"),
        *("--model.num_layers", "2"),
    ),
}
_COLUMNS = {
    "part": "part",
    "num_parameters": "parameters",
    "bleu": "BLEU, validation",
    "loss": "nats a token",
    "num_better": "better in",
    "num_worse": "worse in",
    "training": "training, tokens/s",
}


def variant(part: str, seed: int, *, data: str | None, steps: int) -> Variant:
    """The run of a part and a seed; batches of another size see as many tokens."""
    options = list(PARTS[part])
    if "--data.batch_tokens" in options:
        steps = steps * 2048 // int(options[-1])
    if part == _ENDING:
        first = steps * 3 // 4
        options += ["--data.ending_from", str(first)]
        steps = first + (steps - first) * 2048 // 8192
    options = common_options(data=data, steps=steps, seed=seed) + options  # the last one counts
    return Variant(f"recipe_{part}_{seed}", options, config=_CONFIG)


def measured(part: str, seed: int, run: Variant, base: Variant) -> dict[str, Any]:
    """A row of the table; the speed is that of the first seed."""
    scores = run.score(_SPLIT)
    network = load_model(run.model).network
    better = None
    if part != _BASE:
        better = _better(run.hypotheses(_SPLIT), base.hypotheses(_SPLIT))
    return {
        "part": part,
        "seed": seed,
        "num_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bleu": scores["bleu"],
        "loss": scores["loss_nats_per_token"],
        "better": int(better == "a"),
        "worse": int(better == "b"),
        "training": run.training_speed() if seed == 1 else None,
    }


def _better(path: Path, base: Path) -> str | None:
    rows, base_rows = read_hypotheses(path), read_hypotheses(base)
    ours, theirs = ([row["hypothesis"] for row in each] for each in (rows, base_rows))
    references = [row["reference"] for row in rows]
    num_same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    scores = paired_bootstrap(ours, theirs, references)
    return judge(scores, num_sentences=len(ours), num_same=num_same).better


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a local copy of the corpus")
    parser.add_argument("--steps", type=int, default=3600, help="of 2,048 tokens")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", action="append", choices=tuple(PARTS), default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs = {
        (part, seed): variant(part, seed, data=options.data, steps=options.steps)
        for seed in range(1, options.seeds + 1)
        for part in dict.fromkeys([_BASE, *(options.part or PARTS)])
    }
    for run in runs.values():
        run.train()
    rows = [measured(*key, run, runs[_BASE, key[1]]) for key, run in runs.items()]
    rows.sort(key=lambda row: list(PARTS).index(row["part"]))
    for row in rows:  # counted over the seeds, not averaged
        same = [each for each in rows if each["part"] == row["part"]]
        row |= {f"num_{name}": sum(each[name] for each in same) for name in ("better", "worse")}
    print(json.dumps({"rows": rows}) if options.json else table(rows, ("part",), _COLUMNS))


if __name__ == "__main__":
    main()
