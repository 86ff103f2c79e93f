"""A map of hidden states as a picture."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.insight.states import StateMap
from pipeline.insight.style import BLUE, finish, plt

_LONGEST_LABEL = 32
_LABEL_WIDTH, _LABEL_HEIGHT = 150.0, 11.0
"""Of a label of nine points, about, in points of 1/72 inch."""


def plot_states(states: StateMap, path: Path) -> None:
    """Write a scatter plot, each point with the beginning of its sentence."""
    figure, axis = plt.subplots(figsize=(8, 6))
    axis.scatter(*zip(*states.points, strict=True), color=BLUE, zorder=3)
    axis.margins(x=0.25, y=0.1)  # room for the labels
    axis.autoscale_view()
    labels = [
        sentence if len(sentence) <= _LONGEST_LABEL else sentence[:_LONGEST_LABEL] + "…"
        for sentence in states.sentences
    ]
    places = axis.transData.transform(states.points) * 72 / figure.dpi
    for label, point, down in zip(labels, states.points, drops(places.tolist()), strict=True):
        axis.annotate(label, point, xytext=(5, 4 - down), textcoords="offset points", fontsize=9)
    first, second = states.explained
    axis.set(
        xlabel=f"first principal component ({first:.0%} of the variance)",
        ylabel=f"second principal component ({second:.0%})",
    )
    finish(figure, path, title="The encoder's hidden states")


def drops(places: Sequence[tuple[float, float]]) -> list[float]:
    """How far the label of each point has to be moved down not to cover one above it.

    Args:
        places: x and y of each point, in points of 1/72 inch.
    """
    placed: list[tuple[float, float]] = []
    found = [0.0] * len(places)
    for i in sorted(range(len(places)), key=lambda i: -places[i][1]):
        x, y = places[i]
        for other_x, other_y in placed:  # from the top down, so that one pass is enough
            if abs(x - other_x) < _LABEL_WIDTH and abs(y - other_y) < _LABEL_HEIGHT:
                y = other_y - _LABEL_HEIGHT
        found[i] = places[i][1] - y
        placed.append((x, y))
        placed.sort(key=lambda place: -place[1])
    return found
