"""Start-up: from the start of a process to its first translated line, beside `import torch`.

    python -m benchmarks.startup [MODEL] [OPTION OF seq2seq translate ...] [--json]

Each is a process of its own, timed until its first line is there; so is the floor, `python -c
"import torch"` with a line printed after it. Also the peak of its resident memory. Without a model
a tiny one is trained first (`configs/smoke.yaml`): what is timed hardly depends on it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import environment
from benchmarks.speed import PROJECT, Rounds, Row, add_options, report, row_of
from pipeline.export import export_model
from pipeline.model_folder import load_model

_SMOKE = "configs/smoke.yaml"
_LINE = "Where is the station?\n"
_TORCH = "import torch"
_SEQ2SEQ = (sys.executable, "-m", "pipeline")


def seconds_to_first_line(command: Sequence[str], threads: int) -> float:
    """Wall time from the start of the process to the first line that it prints."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(threads),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - started
        process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return seconds


def peak_megabytes(command: Sequence[str], threads: int) -> float:
    """Peak resident memory of the command, in MiB."""
    measure = (
        "import resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], check=True, capture_output=True, stdin=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    run = subprocess.run(
        [sys.executable, "-c", measure, *command],
        check=True,
        capture_output=True,
        text=True,
        env=environment(threads),
    )
    return int(run.stdout) / 1024


def train_tiny() -> Path:
    """The folder of a model that has learnt next to nothing."""
    name = "startup"
    command = [*_SEQ2SEQ, "train", "--config", _SMOKE, "--name", name]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return Path("runs") / name / "model"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, help="a translator's folder")
    add_options(parser, peers=(), repeats=5)
    options, words = parser.parse_known_args()
    model = options.model or train_tiny()
    with tempfile.TemporaryDirectory() as folder:
        line = Path(folder) / "line.txt"
        line.write_text(_LINE, encoding="utf-8")
        translate = [*_SEQ2SEQ, "translate", str(model), str(line), *words]
        commands = {
            "first translated line": translate,
            "first line of seq2seq --help": [*_SEQ2SEQ, "--help"],
        }
        exported = Path(folder) / "exported"
        export_model(load_model(model), exported, precision="int8")
        commands["first line, exported in int8"] = [
            *_SEQ2SEQ,
            "translate",
            str(exported),
            str(line),
        ]
        floor = [sys.executable, "-c", f"{_TORCH}; print(flush=True)"]

        def project() -> dict[str, float]:
            return {
                name: seconds_to_first_line(command, options.threads)
                for name, command in commands.items()
            }

        def torch_alone() -> dict[str, float]:
            return dict.fromkeys(commands, seconds_to_first_line(floor, options.threads))

        rounds = Rounds()
        rounds.run({PROJECT: project, _TORCH: torch_alone}, options.repeats)
        memory = {
            PROJECT: peak_megabytes(translate, options.threads),
            _TORCH: peak_megabytes(floor, options.threads),
        }
    rows: list[Row] = [
        row_of(name, rounds.medians(name), "s", less_is_better=True) for name in commands
    ]
    rows.append(row_of("peak memory of translate", memory, "MiB", less_is_better=True))
    report(rows, options, notes=[f"medians of {options.repeats}; the ratio is to `import torch`"])


if __name__ == "__main__":
    main()
