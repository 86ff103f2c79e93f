"""The settings of a chat as options of a command: one for each line of `SETTINGS`."""

import argparse
from typing import TYPE_CHECKING

from pipeline.cli.chat_commands import SETTINGS

if TYPE_CHECKING:
    from pipeline.chat import ChatSettings


def add_chat_options(parser: argparse._ActionsContainer) -> None:
    """Add them, with their defaults."""
    for name, setting in SETTINGS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=setting.letter,
            type=type(setting.default),
            default=setting.default,
            help=f"{setting.purpose} (default: {setting.default})",
        )


def given_chat_options(options: argparse.Namespace) -> list[str]:
    """Those whose value is not the default, as they are typed."""
    changed = [name for name in SETTINGS if getattr(options, name) != SETTINGS[name].default]
    return [f"--{name.replace('_', '-')}" for name in changed]


def chat_settings(options: argparse.Namespace) -> "ChatSettings":
    """What was given.

    Raises:
        ConfigError: A value is outside of its range.
    """
    from pipeline.chat import ChatSettings

    return ChatSettings(**{name: getattr(options, name) for name in SETTINGS})
