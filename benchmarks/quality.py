"""A configuration trained with several seeds, and what its models score: one table.

    python -m benchmarks.quality CONFIG [--data PATH] [--seeds 3] [--split test] [--option KEY=V]

Greedy and with beam 5, mean and deviation over the seeds; and the ensemble of all of them. BLEU as
this project reports it (cased, detokenised, 13a) and as papers on Multi30k do (lowercased; see
`docs/judging.md`) stand in columns of their own. What ran before is not run again. Choose on
`--split validation`, and take test once.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.variants import Variant, read_hypotheses, table
from pipeline.metrics import BleuProtocol, bleu

_LOWERCASED = BleuProtocol(lowercase=True)
_COLUMNS = {
    "what": "what",
    "bleu": "BLEU, cased",
    "bleu_lowercased": "BLEU, lowercased",
    "chrf": "chrF",
    "loss": "nats a token",
}
_SEARCHES = {"greedy": "1", "beam 5": "5"}


def scored(
    run: Variant, what: str, beam_size: str, *, split: str, others: Sequence[Variant] = ()
) -> dict[str, Any]:
    """A row of the table: one run, or with others as an ensemble."""
    words = ["--beam-size", beam_size]
    for other in others:
        words += ["--ensemble", str(other.model)]
    scores = run.score(split, *words)
    return {"what": what, "loss": scores["loss_nats_per_token"], **_scores(run, split, scores)}


def _scores(run: Variant, split: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    rows = read_hypotheses(run.hypotheses(split))
    hypotheses, references = ([row[name] for row in rows] for name in ("hypothesis", "reference"))
    lowercased = bleu(hypotheses, references, protocol=_LOWERCASED)
    return {
        "bleu": scores["bleu"],
        "bleu_lowercased": lowercased.value,
        "chrf": scores["chrf"],
        "signatures": [scores["signature"], lowercased.signature, scores["chrf_signature"]],
    }


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", help="a file of configs/")
    parser.add_argument("--data", help="a local copy of the corpus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", default="test")
    parser.add_argument(
        "--option", action="append", default=[], help="of the training, as trainer.max_steps=600"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    words = [word for option in options.option for word in f"--{option}".split("=", 1)]
    words += ["--data.path", options.data] if options.data else []
    name = Path(options.config).stem
    runs = [
        Variant(f"{name}_{seed}", [*words, "--seed", str(seed)], config=options.config)
        for seed in range(1, options.seeds + 1)
    ]
    for run in runs:
        run.train()
    rows = [
        scored(run, what, beam_size, split=options.split)
        for what, beam_size in _SEARCHES.items()
        for run in runs
    ]
    if len(runs) > 1:
        first, *others = runs
        what = f"ensemble of {len(runs)}, beam 5"
        rows.append(scored(first, what, "5", split=options.split, others=others))
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    print(table(rows, ("what",), _COLUMNS), "", *rows[0]["signatures"], sep="\n")


if __name__ == "__main__":
    main()
