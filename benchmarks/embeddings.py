"""One-hot, learned and Word2Vec embeddings at equal steps: one table.

    python -m benchmarks.embeddings [--data PATH] [--steps 600] [--json]

Trains `configs/multi30k_de_en.yaml` once for each, with the same hidden size, and scores it on the
test split.
"""

import argparse
import json
from typing import Any, get_args

from benchmarks.variants import PLAIN, Variant, common_options, table
from pipeline.model_folder import load_model
from pipeline.nn.config import EmbeddingName

_COLUMNS = {
    "embedding": "embedding",
    "num_parameters": "parameters",
    "bleu": "BLEU",
    "loss": "nats a token",
    "training": "training, tokens/s",
}


def measured(embedding: str, run: Variant) -> dict[str, Any]:
    """A row of the table."""
    scores = run.score()
    network = load_model(run.model).network
    return {
        "embedding": embedding,
        "num_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bleu": scores["bleu"],
        "loss": scores["loss_nats_per_token"],
        "training": run.training_speed(),
    }


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a local copy of the corpus")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    common = common_options(data=options.data, steps=options.steps, seed=1)
    # A lexical path tells a word by its like, and no one-hot vector is like another; without it
    # there is no reason for more pieces.
    common += [*PLAIN, "--data.tokenizer.vocab_size", "4000"]
    runs = {
        name: Variant(f"embedding_{name}", ["--model.embedding", name, *common])
        for name in get_args(EmbeddingName)
    }
    for run in runs.values():
        run.train()
    rows = [measured(name, run) for name, run in runs.items()]
    print(json.dumps({"rows": rows}) if options.json else table(rows, ("embedding",), _COLUMNS))


if __name__ == "__main__":
    main()
