"""How BLEU is computed, as options of a command."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.metrics import BleuProtocol

TOKENIZERS = ("13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none")
"""Those of `BleuTokenizer`, which takes sacreBLEU to import."""


def add_bleu_options(parser: argparse._ActionsContainer) -> None:
    """Add them."""
    parser.add_argument(
        "--bleu-tokenizer",
        choices=TOKENIZERS,
        default="13a",
        help="sacreBLEU's name of it (default: 13a); see docs/judging.md",
    )
    parser.add_argument(
        "--lowercase", action="store_true", help="BLEU of lowercased text, as on Multi30k"
    )


def given_bleu_options(options: argparse.Namespace) -> list[str]:
    """Those whose value is not the default, as they are typed."""
    given = {
        "--bleu-tokenizer": options.bleu_tokenizer != "13a",
        "--lowercase": options.lowercase,
    }
    return [name for name, is_given in given.items() if is_given]


def bleu_protocol(options: argparse.Namespace) -> "BleuProtocol":
    """What was given.

    Raises:
        ConfigError: The tokenizer needs packages that are not installed.
    """
    from pipeline.metrics import BleuProtocol

    return BleuProtocol(options.bleu_tokenizer, options.lowercase)
