"""The learning curve of a run: its loss, and the score of its kind, by step."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.insight.style import BLUE, GREEN, ORANGE, finish, plt

_SCORES = {
    "val_bleu": "BLEU (greedy, 13a)",
    "val_accuracy": "accuracy (share of labels)",
    "val_rmse": "RMSE (units of the series)",
}
"""What a validation may measure besides the loss."""


def plot_learning_curve(rows: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Write a PNG.

    Args:
        rows: Those of `metrics.csv`; cells that a step did not measure are absent.
        path: Where the PNG goes.
        title: What stands above it.
    """
    scores = [name for name in _SCORES if any(name in row for row in rows)]
    figure, axes = plt.subplots(1, 1 + len(scores), figsize=(6 + 4 * len(scores), 4), squeeze=False)
    loss_axis, *score_axes = axes[0]
    _line(loss_axis, rows, "train_loss", color=BLUE, label="training batch", width=1.0)
    _line(loss_axis, rows, "val_loss", color=ORANGE, label="validation", marker="o")
    predicted = "target token" if scores in ([], ["val_bleu"]) else "prediction"
    loss_axis.set(xlabel="step", ylabel=f"loss (nats per {predicted})")
    loss_axis.legend()
    for axis, name in zip(score_axes, scores, strict=True):
        _line(axis, rows, name, color=GREEN, label="validation", marker="o")
        axis.set(xlabel="step", ylabel=_SCORES[name], ylim=(0, None))
    finish(figure, path, title=title)


def _line(
    axis: plt.Axes,
    rows: Sequence[Mapping[str, float]],
    name: str,
    *,
    color: str,
    label: str,
    marker: str = "",
    width: float = 2.0,
) -> None:
    points = [(row["step"], row[name]) for row in rows if name in row]
    axis.plot(
        [step for step, _ in points],
        [value for _, value in points],
        color=color,
        label=label,
        marker=marker,
        linewidth=width,
    )
