"""The learning curve of a run: loss, BLEU and learning rate by step."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.insight.style import BLUE, GREEN, ORANGE, finish, plt


def plot_learning_curve(rows: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Write a PNG.

    Args:
        rows: Those of `metrics.csv`; cells that a step did not measure are absent.
        path: Where the PNG goes.
        title: What stands above it.
    """
    has_bleu = any("val_bleu" in row for row in rows)
    figure, axes = plt.subplots(1, 2 if has_bleu else 1, figsize=(10 if has_bleu else 6, 4))
    loss_axis = axes[0] if has_bleu else axes
    _line(loss_axis, rows, "train_loss", color=BLUE, label="training batch", width=1.0)
    _line(loss_axis, rows, "val_loss", color=ORANGE, label="validation", marker="o")
    loss_axis.set(xlabel="step", ylabel="loss (nats per target token)")
    loss_axis.legend()
    if has_bleu:
        _line(axes[1], rows, "val_bleu", color=GREEN, label="validation", marker="o")
        axes[1].set(xlabel="step", ylabel="BLEU (greedy, 13a)", ylim=(0, None))
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
