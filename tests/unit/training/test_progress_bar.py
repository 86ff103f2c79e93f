import io
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from rich.console import Console

from pipeline.batch import collate
from pipeline.decoding import LengthLimit
from pipeline.nn.config import ModelConfig
from pipeline.nn.loss import SummedLoss
from pipeline.tokenizer import Tokenizer
from pipeline.training.config import TrainerConfig
from pipeline.training.progress_bar import TrainingProgress
from pipeline.training.seq2seq_module import Seq2SeqModule, ValidationText
from tests.building import build_model

_BATCH = collate([[5]], [[6]])


class FakeTrainer:
    """What the progress asks of a trainer."""

    def __init__(self) -> None:
        self.global_step = 0
        self.is_global_zero = True


@pytest.fixture
def trainer() -> Any:
    return FakeTrainer()


@pytest.fixture
def module(tiny_tokenizer: Tokenizer) -> Seq2SeqModule:
    sizes = ModelConfig(hidden_size=8, embedding_dim=8, num_layers=1)
    module = Seq2SeqModule(
        build_model(sizes, tiny_tokenizer, tiny_tokenizer),
        TrainerConfig(max_steps=1000),
        seed=1,
        validation=ValidationText([], [], [], tiny_tokenizer, LengthLimit()),
        judged_by_bleu=True,
    )
    module._last_loss = SummedLoss(torch.tensor(0.0), torch.tensor(30.0), 10)
    return module


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the time pass that the clocks show."""
    now = 1000.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now)
    return wait


def _terminal() -> Console:
    return Console(force_terminal=True, file=io.StringIO(), width=120)


def _written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _step(progress: TrainingProgress, trainer: Any, module: Seq2SeqModule, step: int) -> None:
    trainer.global_step = step
    module.num_tokens_trained += 600
    progress.on_train_batch_end(trainer, module, None, _BATCH, step)


def test_without_a_terminal_a_line_now_and_then(
    trainer: Any,
    module: Seq2SeqModule,
    wait: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    console = Console(file=io.StringIO(), force_terminal=False)
    progress = TrainingProgress(console)
    module.clock.start(0.0)
    progress.on_train_start(trainer, module)
    for step in range(1, 121):
        wait(1.0)
        _step(progress, trainer, module, step)
    progress.on_train_end(trainer, module)
    assert [record.getMessage() for record in caplog.records] == [
        "step 30 | loss 3.000 | 600 tokens/s | 16 min 10 s left",
        "step 60 | loss 3.000 | 600 tokens/s | 15 min 40 s left",
        "step 90 | loss 3.000 | 600 tokens/s | 15 min 10 s left",
        "step 120 | loss 3.000 | 600 tokens/s | 14 min 40 s left",
    ]
    assert _written(console) == ""


def test_on_a_terminal_a_bar_and_no_lines(
    trainer: Any,
    module: Seq2SeqModule,
    wait: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    console = _terminal()
    progress = TrainingProgress(console)
    module.clock.start(0.0)
    progress.on_train_start(trainer, module)
    wait(0.5)
    _step(progress, trainer, module, 1)
    wait(0.5)
    _step(progress, trainer, module, 500)
    progress.on_train_end(trainer, module)
    assert "step 500 | loss 3.000 | 1,200 tokens/s | 1 s left" in _written(console)
    assert "step 1 |" not in _written(console)
    assert not caplog.records
    assert _written(console).endswith("\x1b[2K")  # it is gone


def test_a_validations_time_is_not_counted(
    trainer: Any,
    module: Seq2SeqModule,
    wait: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    progress = TrainingProgress(Console(file=io.StringIO(), force_terminal=False))
    progress.on_train_start(trainer, module)
    wait(500)
    progress.on_validation_end(trainer, module)
    wait(30)
    _step(progress, trainer, module, 1)
    assert "| 20 tokens/s |" in caplog.text


def test_an_error_leaves_the_terminal_as_it_was(trainer: Any, module: Seq2SeqModule) -> None:
    console = _terminal()
    progress = TrainingProgress(console)
    progress.on_train_start(trainer, module)
    assert "\x1b[?25l" in _written(console)  # the cursor is hidden
    progress.on_exception(trainer, module, KeyboardInterrupt())
    assert "\x1b[?25h" in _written(console)


def test_only_the_first_process_shows_anything(
    trainer: Any,
    module: Seq2SeqModule,
    wait: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    trainer.is_global_zero = False
    console = _terminal()
    progress = TrainingProgress(console)
    progress.on_train_start(trainer, module)
    wait(1000)
    _step(progress, trainer, module, 1)
    assert (_written(console), caplog.text) == ("", "")
