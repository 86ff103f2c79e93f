"""An attention map as a picture."""

from pathlib import Path

from pipeline.insight.attention import AttentionMap
from pipeline.insight.style import finish, plt

_CELL_INCHES = 0.34


def plot_attention(attention: AttentionMap, path: Path) -> None:
    """Write a grid of weights, the source across and the target down."""
    width = max(4.0, 2.2 + _CELL_INCHES * len(attention.source))
    height = max(3.0, 1.8 + _CELL_INCHES * len(attention.target))
    figure, axis = plt.subplots(figsize=(width, height))
    image = axis.imshow(attention.weights, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(attention.source)), attention.source, rotation=60, ha="right")
    axis.set_yticks(range(len(attention.target)), attention.target)
    axis.set(xlabel="source pieces", ylabel="generated pieces")
    figure.colorbar(image, label="attention weight")
    finish(figure, path, title="Where the decoder looked", grid=False)
