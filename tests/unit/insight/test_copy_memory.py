import math
from pathlib import Path

import pytest
import torch

from pipeline.insight.copy_memory import (
    ALPHABET_SIZE,
    BLANK,
    GO,
    NUM_SYMBOLS,
    Recall,
    copy_memory_batch,
    recall,
)
from pipeline.insight.copy_memory_plot import plot_recall
from pipeline.nn.config import ModelConfig


@pytest.mark.parametrize("delay", [1, 5])
def test_symbols_a_wait_a_sign_and_room_for_the_answer(delay: int) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs, symbols = copy_memory_batch(delay, num_rows=3, generator=generator)
    assert inputs.shape == (3, delay + 20)
    assert torch.equal(inputs[:, :NUM_SYMBOLS], symbols)
    assert symbols.max() < ALPHABET_SIZE
    rest = inputs[:, NUM_SYMBOLS:]
    assert (rest[:, delay - 1] == GO).all()
    assert (rest == BLANK).sum() == 3 * (delay + NUM_SYMBOLS - 1)


def test_without_training_a_cell_recalls_nothing() -> None:
    found = recall(ModelConfig(cell="lstm"), 2, hidden_size=8, num_steps=0)
    assert found.accuracy == pytest.approx(1 / ALPHABET_SIZE, abs=0.05)
    assert found.nats == pytest.approx(math.log(ALPHABET_SIZE), abs=0.1)


def test_training_helps_and_is_a_function_of_the_seed() -> None:
    config = ModelConfig(cell="gru")
    before = recall(config, 1, hidden_size=24, num_steps=0)
    after, again = (recall(config, 1, hidden_size=24, num_steps=250) for _ in range(2))
    # Enough to learn something, too few to say ten symbols again that are gone from the input.
    assert 1.0 < after.nats < before.nats - 0.1
    assert after == again


def test_a_plot_of_two_cells(tmp_path: Path) -> None:
    results = [
        Recall(cell=cell, delay=delay, num_steps=9, accuracy=0.5, nats=1.0)
        for cell in ("elman", "lstm")
        for delay in (10, 100)
    ]
    plot_recall(results, tmp_path / "memory.png")
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")


def test_a_gradient_that_exploded_does_not_end_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = torch.nn.utils.clip_grad_norm_
    calls = []

    def explodes_once(parameters: list[torch.nn.Parameter], norm: float) -> torch.Tensor:
        calls.append(norm)
        if len(calls) == 2:
            for parameter in parameters:
                assert parameter.grad is not None
                parameter.grad.fill_(math.nan)
        return clip(parameters, norm)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", explodes_once)
    found = recall(ModelConfig(cell="irnn"), 2, hidden_size=8, num_steps=4)
    assert len(calls) == 4
    assert math.isfinite(found.nats)
