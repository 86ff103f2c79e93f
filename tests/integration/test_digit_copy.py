"""A model that cannot learn to copy digits is broken somewhere between file and text."""

import json
import math
from pathlib import Path

import pytest

from pipeline.cli.main import DONE
from tests.integration.command_line import seq2seq
from tests.integration.digits import write_digit_corpus

pytestmark = pytest.mark.slow

# Pieces of a space and a digit: ten to learn.
_OPTIONS = (
    *("--data.path", "digits", "--data.batch_tokens", "1000"),
    *("--data.tokenizer.vocab_size", "282", "--data.tokenizer.model_type", "bpe"),
    *("--model.cell", "gru", "--model.embedding_dim", "64", "--model.hidden_size", "128"),
    *("--model.num_layers", "1", "--model.dropout", "0"),
    *("--trainer.max_steps", "1000", "--trainer.validate_every", "1000"),
    *("--trainer.warmup_steps", "50", "--trainer.learning_rate", "5e-3"),
    *("--trainer.weight_decay", "0.1", "--trainer.label_smoothing", "0"),
    *("--trainer.ema_decay", "0.98", "--trainer.accelerator", "cpu"),
)


def test_digits_are_copied(tmp_path: Path) -> None:
    write_digit_corpus(tmp_path / "digits", num_train=6000, num_held_out=200)
    trained = seq2seq("train", "--name", "copy", *_OPTIONS, cwd=tmp_path)
    assert trained.code == DONE, trained.err
    evaluated = seq2seq("evaluate", "runs/copy/model", "--json", cwd=tmp_path)
    scores = json.loads(evaluated.out)
    assert scores["num_sentences"] == 200
    assert math.exp(scores["loss_nats_per_token"]) <= 1.02
    assert scores["exact_match"] >= 0.98
