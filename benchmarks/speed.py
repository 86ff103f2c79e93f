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

from benchmarks.peers import NAMES, DriverError, available, version

PROJECT = "project"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity, of the project and of its peers.

    Attributes:
        name: What was measured.
        unit: Of the values.
        ours: The project's value; several, by the name of each, where it can be set up in several
            ways, of which the best counts.
        peers: The peers' values by their names, of those that have one.
        less_is_better: As with a time.
    """

    name: str
    unit: str
    ours: Mapping[str, float]
    peers: Mapping[str, float] = field(default_factory=dict)
    less_is_better: bool = False

    @property
    def value(self) -> float | None:
        """The project's, at its best."""
        return self._best(self.ours)

    @property
    def ratio(self) -> float | None:
        """Project / best peer."""
        best = self._best(self.peers)
        return None if best is None or self.value is None else self.value / best

    def as_json(self) -> dict[str, Any]:
        """The row, with the values of all systems beside it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "ratio": self.ratio,
            "less_is_better": self.less_is_better,
            "systems": {**self.ours, **self.peers},
        }

    def _best(self, values: Mapping[str, float]) -> float | None:
        choose = min if self.less_is_better else max
        return choose(values.values(), default=None)


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
    """The row of a quantity that `Rounds.medians` gives; the project's names begin with it."""
    ours = {system: value for system, value in medians.items() if system.startswith(PROJECT)}
    peers = {system: value for system, value in medians.items() if system not in ours}
    return Row(name=name, unit=unit, ours=ours, peers=peers, less_is_better=less_is_better)


def table(rows: Sequence[Row]) -> str:
    """Markdown: a column for each quantity, a line for each system, the ratios at the end."""
    systems = dict.fromkeys(name for row in rows for name in row.ours)
    systems |= dict.fromkeys(name for row in rows for name in row.peers)
    header = ["", *(f"{row.name}, {row.unit}" for row in rows)]
    lines = [header, ["---"] * len(header)]
    for name in systems:
        values = [{**row.ours, **row.peers}.get(name) for row in rows]
        lines.append([name, *map(shown, values)])
    lines.append(["project / best peer", *(_shown_ratio(row) for row in rows)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown_ratio(row: Row) -> str:
    return shown(row.ratio) + (" (less is better)" if row.ratio and row.less_is_better else "")


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


def report(rows: Sequence[Row], options: argparse.Namespace, *, notes: Sequence[str]) -> None:
    """Print the rows: as JSON, or as a table with what there is to know beside it.

    Args:
        rows: What was measured.
        options: As `add_options` makes them.
        notes: What differs between the systems, and what could not be measured.
    """
    peers = [version(name) for name in available(options.peer or options.all_peers)]
    on = ", ".join([machine(options.threads), *peers])
    if options.json:
        found = {"rows": [row.as_json() for row in rows], "machine": on, "notes": list(notes)}
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{on}\n\n{table(rows)}\n")
    for note in notes:
        print(f"- {note}")


def add_options(parser: argparse.ArgumentParser, *, peers: Sequence[str], repeats: int) -> None:
    """The options that the benchmarks share."""
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each system")
    parser.add_argument("--repeats", type=int, default=repeats, help="rounds; medians count")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(peer=None, all_peers=peers)
    if peers:
        names = ", ".join(NAMES[name] for name in peers)
        parser.add_argument(
            "--peer",
            action="append",
            choices=peers,
            help=f"measure beside these alone; default: {names}",
        )
