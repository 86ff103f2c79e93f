"""The languages of a translator, and the directions between them.

A language is called what its column is called.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.errors import ConfigError


class Direction(NamedTuple):
    """From one language into another."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} to {self.target}"


def directions_between(source: str | Sequence[str], target: str | Sequence[str]) -> list[Direction]:
    """From each source into each target; of lists, into none from itself."""
    if isinstance(source, str) and isinstance(target, str):
        return [Direction(source, target)]
    return [
        Direction(one, other)
        for one in as_list(source)
        for other in as_list(target)
        if one != other
    ]


def directions_of(data: Mapping[str, Any]) -> list[Direction]:
    """Of a model: those of the `data` section that it was trained with, as plain values."""
    source, target = (data.get(side, side) for side in Direction._fields)
    return directions_between(source, target)


def as_list(languages: str | Sequence[str]) -> list[str]:
    """One language or several, as several."""
    return [languages] if isinstance(languages, str) else list(languages)


def targets_of(directions: Sequence[Direction]) -> list[str]:
    """What they lead to, each once."""
    return list(dict.fromkeys(direction.target for direction in directions))


def choose_target(directions: Sequence[Direction], language: str | None, *, called: str) -> str:
    """The language to translate into, which need not be said where there is one only.

    Args:
        directions: Those that the translator knows.
        language: What was asked for.
        called: What the error calls it.

    Raises:
        ConfigError: It is none of theirs, or there are several and none was asked for.
    """
    targets = targets_of(directions)
    if language is None and len(targets) == 1:
        return targets[0]
    if language not in targets:
        expected = targets[0] if len(targets) == 1 else f"one of {', '.join(targets)}"
        raise ConfigError(f"{called}: expected {expected}, got {language or 'none'}")
    return language
