"""The norms of `pipeline.insight.gradients` as a plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.insight.style import finish, line_styles, plt


def plot_gradient_norms(norms: Mapping[str, Sequence[float]], path: Path) -> None:
    """Write a plot with a line for each name; norms of exactly 0 are not drawn."""
    figure, axis = plt.subplots(figsize=(7, 4.5))
    for (name, values), style in zip(norms.items(), line_styles(), strict=False):
        shown = [value if value > 0 else float("nan") for value in values]
        axis.plot(range(len(shown)), shown, label=name, linewidth=2, **style)
    axis.set(
        xlabel="distance from the loss (time steps)",
        ylabel="norm of the gradient of the state",
        yscale="log",
    )
    axis.legend()
    finish(figure, path, title="How far back the loss is felt")
