"""What the commands cost before any work is done, and at their peak: seconds and memory.

    python -m benchmarks.footprint [--json]

Each row runs a command in a process of its own. Start-up is compared with `import torch`, which is
the floor; the time is the median of five. Memory is the peak resident set of the process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_REPEATS = 5
_SMOKE = "configs/smoke.yaml"


def seconds(command: Sequence[str]) -> float:
    """Median wall time of the command."""
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def peak_megabytes(command: Sequence[str]) -> float:
    """Peak resident memory of the command, in MiB."""
    measure = (
        "import resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], check=True, capture_output=True, stdin=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    run = subprocess.run(
        [sys.executable, "-c", measure, *command], check=True, capture_output=True, text=True
    )
    return int(run.stdout) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    python, seq2seq = sys.executable, [sys.executable, "-m", "pipeline"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path("runs/footprint")
        subprocess.run(
            [*seq2seq, "train", "--config", _SMOKE, "--name", run.name],
            check=True,
            stdout=sys.stderr,
        )
        lines = Path(folder) / "lines.txt"
        lines.write_text("Where is the station?\n", encoding="utf-8")
        translate = [*seq2seq, "translate", str(run / "model"), str(lines)]
        floor = seconds([python, "-c", "import torch"])
        rows: list[dict[str, Any]] = [
            {"name": "import torch", "value": floor, "unit": "s", "ratio": 1.0},
            *(
                {"name": name, "value": value, "unit": "s", "ratio": value / floor}
                for name, value in (
                    ("seq2seq --help", seconds([*seq2seq, "--help"])),
                    ("seq2seq translate, one line", seconds(translate)),
                )
            ),
            {
                "name": "seq2seq translate, peak memory",
                "value": peak_megabytes(translate),
                "unit": "MiB",
                "ratio": None,
            },
        ]
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        ratio = f"{row['ratio']:.2f} x import torch" if row["ratio"] else ""
        print(f"{row['name']:32} {row['value']:8.2f} {row['unit']:4} {ratio}")


if __name__ == "__main__":
    main()
