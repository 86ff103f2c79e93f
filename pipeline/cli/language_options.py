"""Of a translator of several languages, which of its directions: as options of a command."""

import argparse
from collections.abc import Sequence

from pipeline.errors import ConfigError
from pipeline.languages import Direction, choose_target


def add_language_options(parser: argparse._ActionsContainer) -> None:
    """Add both, for a command that reads a corpus."""
    parser.add_argument(
        "--from",
        dest="source_language",
        metavar="LANGUAGE",
        help="of a model of several directions: from which column",
    )
    add_target_option(parser)


def add_target_option(parser: argparse._ActionsContainer) -> None:
    """Add the target language alone: what is translated is given."""
    parser.add_argument(
        "--to",
        dest="target_language",
        metavar="LANGUAGE",
        help="of a model of several languages: into which",
    )


def given_language_options(options: argparse.Namespace) -> list[str]:
    """Those that were given, as they are typed."""
    given = {
        "--from": getattr(options, "source_language", None),
        "--to": options.target_language,
    }
    return [f"{option} {language}" for option, language in given.items() if language is not None]


def chosen_direction(options: argparse.Namespace, directions: Sequence[Direction]) -> Direction:
    """What was asked for; what leaves no choice need not be given.

    Raises:
        ConfigError: That is none of the directions, or more than one.
    """
    source, target = options.source_language, options.target_language
    found = [
        direction
        for direction in directions
        if source in (None, direction.source) and target in (None, direction.target)
    ]
    if len(found) == 1:
        return found[0]
    given = " ".join(given_language_options(options)) or "--from, --to"
    existing = ", ".join(map(str, found or directions))
    which = "one of " if len(found or directions) > 1 else ""
    raise ConfigError(f"{given}: expected {which}{existing}")


def chosen_target(options: argparse.Namespace, directions: Sequence[Direction]) -> str:
    """What was asked for, or the only target.

    Raises:
        ConfigError: None of the directions leads to it, or there are several and none was given.
    """
    return choose_target(directions, options.target_language, called="--to")
