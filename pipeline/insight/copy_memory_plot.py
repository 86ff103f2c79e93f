"""What each cell recalls by the length of the wait, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.insight.copy_memory import ALPHABET_SIZE, Recall
from pipeline.insight.style import finish, line_styles, plt


def plot_recall(results: Sequence[Recall], path: Path) -> None:
    """Write a plot with a line for each cell."""
    figure, axis = plt.subplots(figsize=(7, 4.5))
    for cell, style in zip(
        dict.fromkeys(each.cell for each in results), line_styles(marked=True), strict=False
    ):
        points = sorted((each.delay, each.accuracy) for each in results if each.cell == cell)
        axis.plot(*zip(*points, strict=True), label=cell, linewidth=2, **style)
    axis.axhline(1 / ALPHABET_SIZE, color="grey", linewidth=1)
    beside_the_axis = axis.get_yaxis_transform()
    axis.text(0.01, 1 / ALPHABET_SIZE - 0.01, "chance", va="top", transform=beside_the_axis)
    axis.set(xlabel="delay (time steps)", ylabel="share of symbols recalled", ylim=(0, 1.05))
    axis.set_xscale("log")
    delays = sorted({each.delay for each in results})
    axis.set_xticks(delays, [str(delay) for delay in delays])
    axis.minorticks_off()
    axis.legend()
    num_steps = max(each.num_steps for each in results)
    finish(figure, path, title=f"Copy memory after {num_steps:,} steps of training")
