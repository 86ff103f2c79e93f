import argparse

import pytest

from pipeline.cli.language_options import (
    add_language_options,
    add_target_option,
    chosen_direction,
    chosen_target,
    given_language_options,
)
from pipeline.errors import ConfigError
from pipeline.languages import Direction, directions_between

_ENGLISH_AND = directions_between("en", ["de", "fr"])
_ANY = directions_between(["en", "de", "fr"], ["en", "de", "fr"])


def _options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_language_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "directions", "expected"),
    [
        ([], [Direction("en", "de")], ("en", "de")),
        (["--from", "en", "--to", "de"], [Direction("en", "de")], ("en", "de")),
        (["--to", "fr"], _ENGLISH_AND, ("en", "fr")),
        (["--from", "fr"], directions_between(["fr", "de"], "en"), ("fr", "en")),
        (["--from", "fr", "--to", "de"], _ANY, ("fr", "de")),
    ],
)
def test_what_leaves_no_choice_is_enough(
    words: list[str], directions: list[Direction], expected: tuple[str, str]
) -> None:
    assert chosen_direction(_options(*words), directions) == expected


@pytest.mark.parametrize(
    ("words", "directions", "message"),
    [
        ([], _ENGLISH_AND, "--from, --to: expected one of en to de, en to fr"),
        (["--to", "de"], _ANY, "--to de: expected one of en to de, fr to de"),
        (["--to", "nl"], _ENGLISH_AND, "--to nl: expected one of en to de, en to fr"),
        (
            ["--from", "de", "--to", "fr"],
            _ENGLISH_AND,
            "--from de --to fr: expected one of en to de, en to fr",
        ),
        (["--from", "ko"], [Direction("en", "de")], "--from ko: expected en to de"),
    ],
)
def test_what_leaves_a_choice_or_none_names_what_there_is(
    words: list[str], directions: list[Direction], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        chosen_direction(_options(*words), directions)


def test_the_target_alone() -> None:
    parser = argparse.ArgumentParser()
    add_target_option(parser)
    assert chosen_target(parser.parse_args([]), [Direction("en", "de")]) == "de"
    options = parser.parse_args(["--to", "fr"])
    assert chosen_target(options, _ENGLISH_AND) == "fr"
    assert given_language_options(options) == ["--to fr"]
    with pytest.raises(ConfigError, match="^--to: expected de, got fr$"):
        chosen_target(options, [Direction("en", "de")])


def test_what_was_typed() -> None:
    assert given_language_options(_options()) == []
    assert given_language_options(_options("--from", "a", "--to", "b")) == ["--from a", "--to b"]
