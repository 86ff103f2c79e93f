"""How long one sentence takes, translated by itself: median and 95th percentile, beside the peers.

    python -m benchmarks.latency MODEL [--data PATH] [--json]

The first 200 sentences of a test split, one after the other, greedily; once with the lengths that
each model gives its outputs and once with 15 tokens each. The project and CTranslate2 are timed on
one thread and on all, the project's exports on one, and the fastest counts.
"""

import argparse
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.decoding import PINNED_LENGTH, add_decoding_options, compare
from benchmarks.speed import report, row_of

_GREEDY = {"batch_size": 1, "beam_size": 1, "by_line": True}
_SETTINGS: dict[str, dict[str, Any]] = {
    "own lengths": {**_GREEDY, "length": None},
    f"{PINNED_LENGTH} tokens": {**_GREEDY, "length": PINNED_LENGTH},
}


def milliseconds(name: str, seconds: Sequence[float], _num: int) -> dict[str, float]:
    """Median and 95th percentile of the times in a setting, by their names."""
    return {
        f"median, {name}": 1000 * statistics.median(seconds),
        f"95th percentile, {name}": 1000 * statistics.quantiles(seconds, n=20)[-1],
    }


def main() -> None:
    """Translate, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_decoding_options(parser, num=200)
    options = parser.parse_args()
    threads = sorted({1, options.threads})
    rounds, notes = compare(
        options, _SETTINGS, milliseconds, threads=threads, workers=[(1, num) for num in threads]
    )
    rows = [
        row_of(quantity, rounds.medians(quantity), "ms", less_is_better=True)
        for quantity in rounds.values
    ]
    report(rows, options, notes=notes)


if __name__ == "__main__":
    main()
