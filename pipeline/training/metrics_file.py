"""`metrics.csv`: what training measured, a row a step, also over several sessions."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger

COLUMNS = (
    "step",
    "seconds",
    "train_loss",
    "learning_rate",
    "tokens_per_second",
    "val_loss",
    "val_bleu",
    "val_accuracy",
    "val_rmse",
)


class MetricsFile(Logger):
    """A Lightning logger that appends to a csv.

    Lightning's CSVLogger deletes the rows of earlier sessions. Here a session begins by dropping
    only the rows after the step that it goes on from, since it measures those again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._row: dict[str, float] = {}

    @property
    def name(self) -> str:
        """Lightning's name of it."""
        return "metrics"

    @property
    def version(self) -> str:
        """There is one file a run."""
        return ""

    def start(self, step: int) -> None:
        """Begin a session that goes on from `step`."""
        rows = [row for row in read_metrics(self._path) if row["step"] <= step]
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(self._path)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add values to the row of this step; a row is written when the next one begins."""
        values = {name: value for name, value in metrics.items() if name in COLUMNS}
        if self._row.get("step") != step:
            self.save()
            self._row = {"step": step or 0}
        self._row.update(values)

    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Nothing: they are in `config.yaml`."""

    def save(self) -> None:
        """Write the row that is being made."""
        if len(self._row) > 1:
            with self._path.open("a", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, COLUMNS)
                if not stream.tell():  # what a run begins with is judged before its first session
                    writer.writeheader()
                writer.writerow(self._row)
        self._row = {}

    def finalize(self, status: str) -> None:
        """Write what is left."""
        self.save()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a `metrics.csv`, without the empty cells; none when there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(stream)
        ]
