"""Translations a second, greedy and with a beam of five, beside the peers.

    python -m benchmarks.decoding_speed MODEL [--data PATH] [--batch-size 64 ...] [--json]

The first 1,000 sentences of a test split, once with the lengths that each model gives its outputs
and once with 15 tokens each; all systems one after the other in each round. What is timed is the
whole, from lines to lines, by a model that is loaded and has translated a batch before.
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

from benchmarks.decoding import PINNED_LENGTH, add_decoding_options, compare
from benchmarks.speed import report, row_of


def settings(batch_sizes: Sequence[int], beam_sizes: Sequence[int]) -> dict[str, dict[str, Any]]:
    """What is timed, by its name."""
    return {
        f"{'greedy' if beam_size == 1 else f'beam {beam_size}'}, batches of {batch_size}, "
        f"{'own lengths' if length is None else f'{length} tokens'}": {
            "batch_size": batch_size,
            "beam_size": beam_size,
            "length": length,
        }
        for beam_size, batch_size, length in itertools.product(
            beam_sizes, batch_sizes, (None, PINNED_LENGTH)
        )
    }


def main() -> None:
    """Translate, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, action="append", help="default: 64 and 256")
    parser.add_argument("--beam-size", type=int, action="append", help="default: 1 and 5")
    add_decoding_options(parser, num=1000)
    options = parser.parse_args()
    named = settings(options.batch_size or (64, 256), sorted(options.beam_size or (1, 5)))
    rounds, notes = compare(
        options,
        named,
        lambda name, seconds, num: {name: num / sum(seconds)},
        threads=[options.threads],
        workers=sorted({(options.threads, 1), (1, options.threads)}),
    )
    rows = [row_of(name, rounds.medians(name), "sentences/s") for name in named]
    report(rows, options, notes=notes)


if __name__ == "__main__":
    main()
