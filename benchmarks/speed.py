"""Measurements side by side: medians over rounds, ratios to the best peer, one table."""

import argparse
import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import NAMES, DriverError, version

PROJECT = "project"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity, of the project and of its peers.

    Attributes:
        name: What was measured.
        unit: Of the values.
        value: The project's; None if it has none.
        peers: The peers' values by their names, of those that have one.
        less_is_better: As with a time.
    """

    name: str
    unit: str
    value: float | None
    peers: Mapping[str, float] = field(default_factory=dict)
    less_is_better: bool = False

    @property
    def best_peer(self) -> float | None:
        """The value of the peer that is best at it."""
        choose = min if self.less_is_better else max
        return choose(self.peers.values(), default=None)

    @property
    def ratio(self) -> float | None:
        """Project / best peer."""
        best = self.best_peer
        return None if best is None or self.value is None else self.value / best

    def as_json(self) -> dict[str, Any]:
        """The row, with the value and the ratio of each peer beside it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "ratio": self.ratio,
            "less_is_better": self.less_is_better,
            "peers": dict(self.peers),
        }


@dataclass
class Rounds:
    """Measurements that are repeated in turn: each round measures every system once.

    So what else the machine does falls on all of them alike. A system that failed is not asked
    again; `failures` says why.
    """

    values: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    failures: dict[str, str] = field(default_factory=dict)

    def run(self, systems: Mapping[str, Callable[[], Mapping[str, float]]], repeats: int) -> None:
        """Measure; each system gives values by what was measured."""
        for _ in range(repeats):
            for name, measure in systems.items():
                if name in self.failures:
                    continue
                try:
                    measured = measure()
                except DriverError as error:
                    self.failures[name] = str(error)
                    continue
                for quantity, value in measured.items():
                    self.values[quantity][name].append(value)

    def medians(self, quantity: str) -> dict[str, float]:
        """Of each system that has it."""
        return {name: statistics.median(values) for name, values in self.values[quantity].items()}


def row_of(
    name: str, medians: Mapping[str, float], unit: str, *, less_is_better: bool = False
) -> Row:
    """The row of a quantity that `Rounds.medians` gives.

    The project may have been measured in several ways, whose names begin with `project`: the best
    of them is its value, as the best peer is the peers'.
    """
    choose = min if less_is_better else max
    ours = [value for system, value in medians.items() if system.startswith(PROJECT)]
    return Row(
        name=name,
        unit=unit,
        value=choose(ours, default=None),
        peers={name: v for name, v in medians.items() if not name.startswith(PROJECT)},
        less_is_better=less_is_better,
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown: a column for each system, and the ratio to the best peer."""
    systems = list(dict.fromkeys(name for row in rows for name in row.peers))
    columns = ["", "unit", PROJECT, *systems, "project / best peer"]
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    for row in rows:
        entries = [row.name, row.unit, shown(row.value)]
        entries += [shown(row.peers.get(name)) for name in systems]
        direction = " (less is better)" if row.less_is_better else ""
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f}{direction}"
        lines.append("| " + " | ".join([*entries, ratio]) + " |")
    return "\n".join(lines)


def shown(value: float | None) -> str:
    """A number with three digits or more; a dash for none."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine(threads: int) -> str:
    """The processor, the threads, and the versions that decide a speed."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {threads} threads; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def processor() -> str:
    """Its name, and whether it multiplies in bf16."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    able = [name for name in ("avx512_bf16", "amx_bf16") if torch.cpu.get_capabilities().get(name)]
    return f"{names[0] if names else platform.processor()} ({', '.join(able) or 'no bf16'})"


def report(
    rows: Sequence[Row], *, threads: int, peers: Sequence[str], notes: Sequence[str], as_json: bool
) -> None:
    """Print the rows: as JSON, or as a table with what there is to know beside it.

    Args:
        rows: What was measured.
        threads: That each system had.
        peers: Those that were measured: keys of `NAMES`.
        notes: What differs between the systems, and what could not be measured.
        as_json: One object instead.
    """
    if as_json:
        found = {"rows": [row.as_json() for row in rows], "notes": list(notes)}
        print(json.dumps(found | {"machine": machine(threads)}, ensure_ascii=False))
        return
    print(machine(threads) + "".join(f", {version(name)}" for name in peers) + "\n")
    print(table(rows) + "\n")
    for note in notes:
        print(f"- {note}")


def add_options(parser: argparse.ArgumentParser, *, peers: Sequence[str], repeats: int) -> None:
    """The options that the benchmarks share."""
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each system")
    parser.add_argument("--repeats", type=int, default=repeats, help="rounds; medians count")
    parser.add_argument(
        "--peer",
        action="append",
        choices=peers,
        help=f"measure beside these alone; default: {', '.join(NAMES[name] for name in peers)}",
    )
    parser.add_argument("--json", action="store_true")
