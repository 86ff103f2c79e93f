"""The settings of a chat as options of a command: one for each line of `SETTINGS`."""

import argparse
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pipeline.chat import ChatSettings


class Setting(NamedTuple):
    """A field of `ChatSettings` as a person sets it; its default is repeated for `--help`."""

    letter: str
    default: int | float
    purpose: str


SETTINGS = {
    "temperature": Setting("T", 0.0, "0: always the same; 1: varied"),
    "top_k": Setting("K", 0, "draw from the K likeliest tokens; 0: all"),
    "top_p": Setting("P", 1.0, "draw from the likeliest with this probability; 1: all"),
    "min_p": Setting("P", 0.0, "draw from those with this share of the likeliest; 0: all"),
    "repetition_penalty": Setting("X", 1.0, "against what was said already; 1: none"),
    "no_repeat_ngram": Setting("N", 0, "no N tokens twice in a reply; 0: off"),
    "no_repeat_context_ngram": Setting("N", 0, "no N tokens of the chat again; 0: off"),
    "min_tokens": Setting("N", 0, "tokens in a reply at least"),
    "max_tokens": Setting("N", 60, "tokens in a reply at most"),
    "num_candidates": Setting("N", 1, "say the best of N replies; 1: the first"),
    "mmi_weight": Setting("W", 0.5, "then what suits any message counts less; 0: does not"),
    "unsure_below": Setting("P", 0.0, "not sure when less probable a token; 0: never"),
    "seed": Setting("S", 0, "where the randomness begins"),
    "retrieve_above": Setting("X", 0.55, "with --retrieve: how like a known question, 0 to 1"),
}


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
