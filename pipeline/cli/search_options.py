"""How translations are searched for, as options of a command: those of `SearchSettings`."""

import argparse
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.search_settings import SearchSettings

_DEFAULTS = {"length_penalty": 1.0, "coverage_penalty": 0.0, "reverse_weight": None, "mbr": 0}
_REVERSE_WEIGHT = 0.2
"""Near the best of each of four beams on Multi30k's validation split (docs/experiments.md)."""


def add_search_options(parser: argparse._ActionsContainer) -> None:
    """Add them; `--beam-size` is among a command's own."""
    add_length_penalty_option(parser)
    parser.add_argument(
        "--coverage-penalty",
        metavar="B",
        type=float,
        default=_DEFAULTS["coverage_penalty"],
        help="of a beam: against leaving parts of the source out (default: 0.0)",
    )
    add_reverse_options(parser)
    parser.add_argument(
        "--mbr",
        metavar="N",
        type=int,
        default=_DEFAULTS["mbr"],
        help="draw N translations, take the one most like the others; 0: search (default)",
    )
    parser.add_argument(
        "--ensemble",
        metavar="MODEL",
        action="append",
        default=[],
        help="another model whose probabilities are averaged with the first's; may be repeated",
    )
    add_precision_option(parser)


def add_length_penalty_option(parser: argparse._ActionsContainer) -> None:
    """Add it, for a command whose translators search with a beam and no more."""
    parser.add_argument(
        "--length-penalty",
        metavar="A",
        type=float,
        default=_DEFAULTS["length_penalty"],
        help="of a beam: by length to the power of A (default: 1.0)",
    )


def add_reverse_options(parser: argparse._ActionsContainer) -> None:
    """Add them, for a command whose translators search with a beam."""
    parser.add_argument(
        "--reverse",
        metavar="MODEL",
        help="a model of the other direction, which has a say in what is best of a beam",
    )
    parser.add_argument(
        "--reverse-weight",
        metavar="W",
        type=float,
        help=f"how much the other direction counts (default: {_REVERSE_WEIGHT} with --reverse)",
    )


def add_precision_option(parser: argparse._ActionsContainer) -> None:
    """Add it, for a command whose translators are not searched with as one likes."""
    parser.add_argument(
        "--precision",
        choices=("fp32", "bf16", "auto"),
        default="fp32",
        help="bf16 is faster where the processor has units for it (default: fp32)",
    )


def given_search_options(options: argparse.Namespace) -> list[str]:
    """Those that were given and are not the default, as they are typed."""
    changed = [name for name, default in _DEFAULTS.items() if getattr(options, name) != default]
    changed += ["ensemble"] if options.ensemble else []
    changed += ["precision"] if options.precision != "fp32" else []
    return [f"--{name.replace('_', '-')}" for name in changed]


def search_settings(options: argparse.Namespace) -> "SearchSettings":
    """What was given.

    Raises:
        ConfigError: A value is outside of its range, or has no effect beside the others.
    """
    from pipeline.search_settings import SearchSettings

    given = {name: getattr(options, name) for name in _DEFAULTS}
    given["reverse_weight"] = reverse_weight(options)
    return SearchSettings(beam_size=options.beam_size, **given)


def reverse_weight(options: argparse.Namespace) -> float:
    """What was given, or what suits a reverse model; 0 where there is none.

    Raises:
        ConfigError: A weight was given and no model, or there is no beam to judge.
    """
    if not options.reverse:
        if options.reverse_weight is not None:
            raise ConfigError("--reverse-weight: expected --reverse with it")
        return 0.0
    if options.beam_size < 2:
        raise ConfigError(
            f"--reverse: expected a --beam-size of 2 or more with it, got {options.beam_size}"
        )
    weight: float | None = options.reverse_weight
    return _REVERSE_WEIGHT if weight is None else weight
