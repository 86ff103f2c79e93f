"""By what score a chatbot's candidates are best ranked: hits@1 of several, on a validation split.

    python -m benchmarks.ranking runs/chat_korean/model

The number before the second logarithm is how much of it is taken away.
"""

import argparse
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation import Pairs, load_references
from pipeline.evaluation.generation import encode_sources
from pipeline.evaluation.likelihood import candidate_log_probs
from pipeline.evaluation.ranking import MAX_RANKED, draw_candidates, evenly_spaced
from pipeline.metrics import hits_at_1
from pipeline.model_folder import load_model

_NUM_CONTEXTS = (2, 4, 8, 16, 32)
_LAMBDAS = (0.5, 0.8, 1.0)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a chatbot's folder")
    parser.add_argument("--split", default="validation")
    options = parser.parse_args()
    trained = load_model(options.model)
    pairs = load_references(trained, path=None, split=options.split)
    assert isinstance(pairs, Pairs)
    model = trained.model.eval()
    source_ids = encode_sources(trained, pairs.sources)
    rows = evenly_spaced(len(source_ids), MAX_RANKED)
    replies, candidates = draw_candidates(
        trained.target_tokenizer.encode_batch([pairs.references[i] for i in rows])
    )
    contexts = [source_ids[i] for i in rows]
    given = candidate_log_probs(model, contexts, replies, candidates, batch_size=64).numpy()
    lengths = np.array([len(reply) + 1 for reply in replies])[np.array(candidates)]

    print("| score | hits@1 |", "| --- | --- |", sep="\n")
    _print_row("log P", given)
    _print_row("log P a token", given / lengths)
    for num in (0, *_NUM_CONTEXTS):
        others = [source_ids[i] for i in evenly_spaced(len(source_ids), num)] if num else [[]]
        everything = [range(len(replies))] * len(others)
        log_probs = candidate_log_probs(model, others, replies, everything, batch_size=64)
        anywhere = log_probs.logsumexp(dim=0).numpy() - math.log(len(others))
        what = f"mean P over {num} contexts" if num else "P after an empty context"
        for weight in _LAMBDAS:
            _print_row(f"log P - {weight} log {what}", given - weight * anywhere[candidates])


def _print_row(name: str, scores: NDArray[np.floating[Any]]) -> None:
    print(f"| {name} | {hits_at_1(scores):.1%} |", flush=True)


if __name__ == "__main__":
    main()
