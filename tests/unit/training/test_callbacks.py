import csv
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.decoding import LengthLimit
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import Tokenizer
from pipeline.training.callbacks import (
    BestModel,
    Checkpoints,
    MetricsSession,
    ReturnMemory,
    ValidationLines,
)
from pipeline.training.config import TrainerConfig
from pipeline.training.metrics_file import MetricsFile, read_metrics
from pipeline.training.seq2seq_module import Seq2SeqModule, ValidationText
from tests.building import build_model

_SIZES = ModelConfig(hidden_size=8, embedding_dim=8, num_layers=1)


class FakeTrainer:
    """What the callbacks ask of a trainer."""

    def __init__(self, *, is_global_zero: bool = True) -> None:
        self.global_step = 0
        self.is_global_zero = is_global_zero
        self.should_stop = False
        self.saved: list[tuple[Path, bool]] = []
        self.num_flushed = 0
        self.loggers = [SimpleNamespace(save=self._flush)]
        self.strategy = SimpleNamespace(reduce_boolean_decision=lambda decision, *, all: decision)

    def _flush(self) -> None:
        assert self.num_flushed == len(self.saved)
        self.num_flushed += 1

    def save_checkpoint(self, path: Path, *, weights_only: bool) -> None:
        self.saved.append((path, weights_only))


@pytest.fixture
def module(tiny_tokenizer: Tokenizer) -> Seq2SeqModule:
    return Seq2SeqModule(
        build_model(_SIZES, tiny_tokenizer, tiny_tokenizer),
        TrainerConfig(),
        seed=1,
        validation=ValidationText(
            sources=[f"source {n}" for n in range(7)],
            source_ids=[[5]] * 7,
            references=[f"reference {n}" for n in range(7)],
            target_tokenizer=tiny_tokenizer,
            limit=LengthLimit(),
        ),
        judged_by_bleu=True,
    )


Saved = list[tuple[int, dict[str, float]]]


def _best(saved: Saved, *, patience: int = 0) -> BestModel:
    return BestModel(lambda step, scores: saved.append((step, scores)), patience=patience)


def _validate(
    best: BestModel, module: Seq2SeqModule, trainer: Any, scores: Mapping[str, float]
) -> None:
    trainer.global_step += 10
    module.scores = dict(scores)
    best.on_validation_end(trainer, module)


def test_only_a_better_bleu_is_saved(module: Seq2SeqModule) -> None:
    saved: Saved = []
    best, trainer = _best(saved), FakeTrainer()
    for bleu in (3.0, 2.0, 3.0, 5.0, 4.0):
        # The loss, which gets worse all the time, does not count.
        _validate(best, module, trainer, {"val_bleu": bleu, "val_loss": trainer.global_step})
    assert [(step, scores["val_bleu"]) for step, scores in saved] == [(10, 3.0), (40, 5.0)]
    assert best.best == {"step": 40, "val_bleu": 5.0, "val_loss": 30}
    assert not trainer.should_stop


def test_without_bleu_only_a_lower_loss_is_saved(module: Seq2SeqModule) -> None:
    saved: Saved = []
    best, trainer = _best(saved), FakeTrainer()
    for loss in (4.0, 5.0, 3.5, 3.5, math.nan, 3.0):
        _validate(best, module, trainer, {"val_loss": loss})
    assert [step for step, _ in saved] == [10, 30, 60]


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_counts_validations_in_a_row_that_are_no_better(
    module: Seq2SeqModule, patience: int
) -> None:
    best, trainer = _best([], patience=patience), FakeTrainer()
    stops = []
    for bleu in (1.0, 2.0, 2.0, 3.0, 3.0, 1.0, 2.0, 2.0):
        _validate(best, module, trainer, {"val_bleu": bleu})
        stops.append(trainer.should_stop)
    assert stops.index(True) == {1: 2, 2: 5, 3: 6}[patience]


def test_a_checkpoint_keeps_what_was_best_and_how_long_ago(module: Seq2SeqModule) -> None:
    saved: Saved = []
    before, trainer = _best(saved, patience=3), FakeTrainer()
    for bleu in (3.0, 2.0):
        _validate(before, module, trainer, {"val_bleu": bleu})
    after = _best(saved, patience=3)
    after.load_state_dict(before.state_dict())
    for bleu, should_stop in ((2.9, False), (2.8, True)):
        _validate(after, module, trainer, {"val_bleu": bleu})
        assert trainer.should_stop is should_stop
    assert [step for step, _ in saved] == [10]


def test_only_the_first_process_writes(module: Seq2SeqModule) -> None:
    saved: Saved = []
    best, trainer = _best(saved), FakeTrainer(is_global_zero=False)
    _validate(best, module, trainer, {"val_bleu": 3.0})
    assert (saved, best.best["val_bleu"]) == ([], 3.0)


def test_checkpoints_are_of_validations_and_of_every_other_minute_between_them(
    module: Seq2SeqModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0  # trained in earlier sessions
    monkeypatch.setattr(type(module.clock), "seconds", property(lambda _: seconds))
    module.config = TrainerConfig(max_steps=11, validate_every=5)
    checkpoints, trainer = Checkpoints(tmp_path), FakeTrainer()
    fake: Any = trainer
    checkpoints.on_train_start(fake, module)
    for trainer.global_step in range(1, 12):
        seconds += 130.0 if trainer.global_step in (5, 8, 11) else 50.0
        checkpoints.on_train_batch_end(fake, module, None, None, 0)
        if trainer.global_step in (5, 10, 11):
            checkpoints.on_validation_end(fake, module)
    # The third comes after 150 s, the eighth after 230, and those that are validated with that.
    steps = [3, 5, 8, 10, 11]
    assert trainer.saved == [(tmp_path / f"step={step:08}.ckpt", False) for step in steps]
    assert trainer.num_flushed == len(steps)


def test_a_validations_own_time_is_no_training(
    module: Seq2SeqModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr(type(module.clock), "seconds", property(lambda _: seconds))
    metrics = MetricsFile(tmp_path / "metrics.csv")
    session, trainer = MetricsSession(metrics), FakeTrainer()
    fake: Any = trainer
    session.on_train_start(fake, module)
    for trainer.global_step, trained, validated in ((10, 4.0, 100.0), (20, 2.0, 1.0)):
        seconds += trained
        module.num_tokens_trained += 1000
        session.on_validation_start(fake, module)
        seconds += validated
        session.on_validation_end(fake, module)
    metrics.finalize("success")
    with (tmp_path / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["step"], row["seconds"], row["tokens_per_second"]) for row in rows] == [
        ("10", "4.0", "250"),
        ("20", "106.0", "500"),
    ]


def test_a_session_drops_the_rows_that_it_measures_again(
    module: Seq2SeqModule, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    metrics = MetricsFile(path)
    metrics.start(0)
    for step in (10, 20, 30):
        metrics.log_metrics({"val_loss": 1.0}, step)
    metrics.save()
    trainer: Any = FakeTrainer()
    trainer.global_step = 20
    MetricsSession(MetricsFile(path)).on_train_start(trainer, module)
    assert [row["step"] for row in read_metrics(path)] == [10, 20]


def test_memory_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, trimmed = ReturnMemory(), []
    trainer: Any = FakeTrainer()
    monkeypatch.setattr(memory, "_trim", lambda pad: trimmed.append((trainer.global_step, pad)))
    for trainer.global_step in range(1, 80):
        memory.on_train_batch_end(trainer, None, None, None, 0)
    assert trimmed == [(25, 0), (50, 0), (75, 0)]


def test_where_memory_cannot_be_given_back_nothing_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    trainer: Any = FakeTrainer()
    ReturnMemory().on_train_batch_end(trainer)


def _lines(
    module: Seq2SeqModule, caplog: pytest.LogCaptureFixture, scores: dict[str, float]
) -> list[str]:
    caplog.set_level(logging.INFO)
    trainer: Any = FakeTrainer()
    trainer.global_step = 1500
    module.scores = scores
    ValidationLines().on_validation_end(trainer, module)
    return [record.getMessage() for record in caplog.records]


def test_a_validation_shows_scores_and_five_sentences(
    module: Seq2SeqModule, caplog: pytest.LogCaptureFixture
) -> None:
    module.hypotheses = {n: f"hypothesis {n}" for n in range(7)}
    lines = _lines(module, caplog, {"val_loss": 2.34567, "val_bleu": 12.34})
    assert lines[0] == "step 1,500 | validation loss 2.346 | BLEU 12.3"
    assert lines[1:4] == [
        "  source     source 0",
        "  hypothesis hypothesis 0",
        "  reference  reference 0",
    ]
    # Evenly spaced: neighbours are turns of one dialogue in a dialogue corpus.
    assert [line.split()[-1] for line in lines[1::3]] == ["0", "1", "2", "4", "5"]


def test_a_validation_without_bleu(module: Seq2SeqModule, caplog: pytest.LogCaptureFixture) -> None:
    module.hypotheses = dict.fromkeys(module.validation.sample_rows, "hypothesis")
    lines = _lines(module, caplog, {"val_loss": 2.0})
    assert lines[0] == "step 1,500 | validation loss 2.000"
    assert len(lines) == 1 + 5 * 3
