"""A map of hidden states as a picture."""

from pathlib import Path

from pipeline.insight.states import StateMap
from pipeline.insight.style import BLUE, finish, plt

_LONGEST_LABEL = 32


def plot_states(states: StateMap, path: Path) -> None:
    """Write a scatter plot, each point with the beginning of its sentence."""
    figure, axis = plt.subplots(figsize=(8, 6))
    axis.scatter(*zip(*states.points, strict=True), color=BLUE, zorder=3)
    for sentence, point in zip(states.sentences, states.points, strict=True):
        label = sentence if len(sentence) <= _LONGEST_LABEL else sentence[:_LONGEST_LABEL] + "…"
        axis.annotate(label, point, xytext=(5, 4), textcoords="offset points", fontsize=9)
    axis.margins(x=0.25, y=0.1)  # room for the labels
    first, second = states.explained
    axis.set(
        xlabel=f"first principal component ({first:.0%} of the variance)",
        ylabel=f"second principal component ({second:.0%})",
    )
    finish(figure, path, title="The encoder's hidden states")
