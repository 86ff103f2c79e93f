"""Training speed of one layer by sequence length: a cell with a loop over time beside one without.

    python -m benchmarks.long_sequences [--cell mingru] [--against lstm] [--json]

A training step is a forward and a backward pass over 8,192 tokens, cut into rows of one length: the
work is the same at every length, and what differs is how much of it has to wait for the step
before. Tokens/s are medians of five, in the precision that training would choose.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, get_args

import torch

from pipeline.nn.cells import Cell
from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.initialization import build_cell
from pipeline.precision import choose_precision

_LENGTHS = (16, 64, 256, 1024, 4096)
_NUM_TOKENS = 8192
_HIDDEN_SIZE = 512
_INPUT_SIZE = 256
_REPEATS = 5


def tokens_per_second(cell: Cell, length: int, *, in_bf16: bool) -> float:
    """Tokens that a training step reads each second, at this length."""
    inputs = torch.randn(_NUM_TOKENS // length, length, _INPUT_SIZE, requires_grad=True)
    times = []
    for _ in range(1 + _REPEATS):
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=in_bf16):
            outputs, _ = cell(inputs, cell.initial_state(inputs))
        outputs.float().square().mean().backward()
        times.append(time.perf_counter() - started)
    return _NUM_TOKENS / statistics.median(times[1:])  # the first one warms up


def crossing_point(lengths: Sequence[int], ratios: Sequence[float]) -> float | None:
    """The length at which the ratio is one, between two measured ones; None if it never is.

    Between them both are taken as logarithmic.
    """
    points = [
        (math.log(length), math.log(ratio)) for length, ratio in zip(lengths, ratios, strict=True)
    ]
    for (x, y), (next_x, next_y) in pairwise(points):
        if y * next_y <= 0 and y != next_y:
            return math.exp(x - y * (next_x - x) / (next_y - y))
    return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", choices=get_args(CellName), default="mingru")
    parser.add_argument("--against", choices=get_args(CellName), default="lstm")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    in_bf16 = choose_precision("auto", device_type="cpu") == torch.bfloat16
    cells = {
        name: build_cell(ModelConfig(cell=name), _INPUT_SIZE, _HIDDEN_SIZE)
        for name in (options.cell, options.against)
    }
    rows: list[dict[str, Any]] = []
    for length in _LENGTHS:
        found, other = (tokens_per_second(cell, length, in_bf16=in_bf16) for cell in cells.values())
        rows.append(
            {
                "name": f"{options.cell}, length {length}",
                "value": round(found),
                "unit": "tokens/s",
                "ratio": found / other,
            }
        )
        if not options.json:
            print(
                f"length {length:>5}: {options.cell} {found:>9,.0f} tokens/s, "
                f"{options.against} {other:>9,.0f} tokens/s, ratio {found / other:.2f}",
                flush=True,
            )
    crossing = crossing_point(_LENGTHS, [row["ratio"] for row in rows])
    if options.json:
        print(json.dumps({"rows": rows, "crossing_length": crossing}))
    elif crossing:
        print(f"they are equally fast at a length of about {crossing:.0f}")


if __name__ == "__main__":
    main()
