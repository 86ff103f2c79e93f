"""The first 20 losses of two small trainings, which no refactoring may change.

After a change that is meant to change them, make them anew, and say why in the commit:

    .venv/bin/python -m tests.integration.test_golden_loss
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import pipeline.training.module
from pipeline.cli.main import DONE
from pipeline.training.metrics_file import read_metrics
from tests.integration.command_line import seq2seq
from tests.integration.digits import write_digit_corpus

_SERIES = Path(__file__).parents[1] / "fixtures" / "golden_loss.json"
_NUM_STEPS = 20
# Without dropout: its random numbers are not the same on every processor.
_OPTIONS = (
    *("--data.path", "digits", "--data.tokenizer.vocab_size", "280", "--data.batch_tokens", "400"),
    *("--model.embedding_dim", "16", "--model.hidden_size", "24", "--model.dropout", "0"),
    *("--trainer.accelerator", "cpu", "--trainer.precision", "fp32", "--trainer.warmup_steps", "4"),
    *("--trainer.max_steps", str(_NUM_STEPS), "--trainer.validate_every", str(_NUM_STEPS)),
    *("--trainer.learning_rate", "4e-3", "--seed", "5"),
)
_VARIANTS = {
    "lstm dot, two layers, tied": (
        *("--model.cell", "lstm", "--model.attention", "dot", "--model.num_layers", "2"),
    ),
    "gru none, sampled pieces, vocabularies apart": (
        *("--model.cell", "gru", "--model.attention", "none"),
        *("--data.tokenizer.joint", "false", "--data.tokenizer.sampling_alpha", "0.3"),
    ),
}


def _losses(folder: Path, options: Sequence[str]) -> list[float]:
    """Nats a token of each step's batch."""
    write_digit_corpus(folder / "digits", num_train=400, num_held_out=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.training.module, "_LOG_EVERY", 1)
        finished = seq2seq("train", "--name", "golden", *_OPTIONS, *options, cwd=folder)
    assert finished.code == DONE, finished.err
    return [row["train_loss"] for row in read_metrics(folder / "runs" / "golden" / "metrics.csv")]


@pytest.fixture(scope="module")
def series() -> Mapping[str, Sequence[float]]:
    values = json.loads(_SERIES.read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


@pytest.mark.parametrize("variant", _VARIANTS)
def test_a_training_begins_as_it_always_did(
    tmp_path: Path, series: Mapping[str, Sequence[float]], variant: str
) -> None:
    losses = _losses(tmp_path, _VARIANTS[variant])
    assert len(losses) == _NUM_STEPS
    assert losses == pytest.approx(series[variant], rel=1e-3)


def test_the_series_tell_learning_from_standing_still(
    series: Mapping[str, Sequence[float]],
) -> None:
    assert set(series) == set(_VARIANTS)
    for losses in series.values():
        assert losses[-1] < 0.9 * losses[0]


def _write_series() -> None:
    series = {}
    for variant, options in _VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            series[variant] = [round(loss, 5) for loss in _losses(Path(folder), options)]
    _SERIES.write_text(json.dumps(series, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write_series()
