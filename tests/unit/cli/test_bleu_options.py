from typing import get_args

import pytest

from pipeline.cli.bleu_options import (
    TOKENIZERS,
    add_bleu_options,
    bleu_protocol,
    given_bleu_options,
)
from pipeline.cli.main import Parser
from pipeline.errors import ConfigError
from pipeline.metrics import CASED_13A, BleuProtocol, BleuTokenizer


def _parser() -> Parser:
    parser = Parser(prog="seq2seq evaluate")
    add_bleu_options(parser)
    return parser


def test_the_tokenizers_are_those_of_the_metric() -> None:
    assert get_args(BleuTokenizer) == TOKENIZERS


def test_nothing_given_is_the_protocol_of_all_figures() -> None:
    options = _parser().parse_args([])
    assert bleu_protocol(options) == CASED_13A
    assert given_bleu_options(options) == []


def test_what_is_given_is_what_is_used() -> None:
    options = _parser().parse_args(["--bleu-tokenizer", "char", "--lowercase"])
    assert bleu_protocol(options) == BleuProtocol("char", lowercase=True)
    assert given_bleu_options(options) == ["--bleu-tokenizer", "--lowercase"]


def test_an_unknown_tokenizer_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ConfigError, match=r"--bleu-tokenizer: invalid choice: 'moses'.*13a"):
        _parser().parse_args(["--bleu-tokenizer", "moses"])
