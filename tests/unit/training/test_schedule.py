import math
import time
from typing import get_args

import pytest

from pipeline.training.config import TrainerConfig
from pipeline.training.schedule import Clock, learning_rate, progress


def config(schedule: str = "cosine", *, warmup_steps: int = 100) -> TrainerConfig:
    assert schedule in ("cosine", "inverse_sqrt", "constant")
    return TrainerConfig(
        max_steps=1000,
        learning_rate=0.01,
        schedule=schedule,  # type: ignore[arg-type]
        warmup_steps=warmup_steps,
    )


def rate(trainer: TrainerConfig, step: int) -> float:
    return learning_rate(trainer, step=step, done=progress(trainer, step=step, seconds=0.0))


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        # The first step, a hundredth of the warm-up; its end; the middle; the last step; the end.
        ("cosine", 0, 0.01 / 100),
        ("cosine", 99, 0.01 * 0.5 * (1 + math.cos(math.pi * 0.099))),
        ("cosine", 500, 0.01 * 0.5),
        ("cosine", 999, 0.01 * 0.5 * (1 + math.cos(math.pi * 0.999))),
        ("cosine", 1000, 0.0),
        ("inverse_sqrt", 0, 0.01 / 100),
        ("inverse_sqrt", 49, 0.01 / 2),
        ("inverse_sqrt", 99, 0.01),
        ("inverse_sqrt", 399, 0.01 / 2),
        ("inverse_sqrt", 899, 0.01 / 3),
        ("constant", 0, 0.01 / 100),
        ("constant", 99, 0.01),
        ("constant", 500, 0.01),
        ("constant", 1000, 0.01),
    ],
)
def test_rates_by_hand(schedule: str, step: int, expected: float) -> None:
    assert rate(config(schedule), step) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", ["cosine", "inverse_sqrt", "constant"])
def test_without_warm_up_the_first_step_has_the_peak(schedule: str) -> None:
    assert rate(config(schedule, warmup_steps=0), 0) == pytest.approx(0.01)


@pytest.mark.parametrize("schedule", ["cosine", "inverse_sqrt", "constant"])
def test_the_rate_never_rises_after_the_warm_up_nor_leaves_zero_to_the_peak(schedule: str) -> None:
    rates = [rate(config(schedule), step) for step in range(1001)]
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert all(0 <= value <= 0.01 for value in rates)
    assert rates[:90] == sorted(rates[:90])


def test_progress_is_the_share_of_the_steps() -> None:
    found = [progress(config(), step=step, seconds=1e9) for step in (0, 250, 1000, 1500)]
    assert found == [0.0, 0.25, 1.0, 1.0]


@pytest.mark.parametrize(
    ("step", "seconds", "expected"),
    [
        (0, 0.0, 0.0),
        (100, 30.0, 0.5),  # time is nearer its end than the steps are
        (900, 30.0, 0.9),
        (0, 60.0, 1.0),
        (0, 61.0, 1.0),
        (1000, 0.0, 1.0),
    ],
)
def test_the_nearer_limit_drives_the_progress(step: int, seconds: float, expected: float) -> None:
    trainer = TrainerConfig(max_steps=1000, max_time="00:01:00")
    assert progress(trainer, step=step, seconds=seconds) == pytest.approx(expected)


def test_the_time_decays_the_rate() -> None:
    trainer = TrainerConfig(
        max_steps=10**9, max_time="00:01:00", learning_rate=0.01, warmup_steps=0
    )
    done = progress(trainer, step=5, seconds=30.0)
    assert learning_rate(trainer, step=5, done=done) == pytest.approx(0.005)


def test_no_time_at_all_is_over_at_once() -> None:
    assert progress(TrainerConfig(max_time="00:00:00"), step=0, seconds=0.0) == 1.0


def test_the_clock_counts_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = Clock()
    now = 1007.0
    assert clock.seconds == pytest.approx(7.0)
    clock.start(50.0)
    now = 1010.0
    assert clock.seconds == pytest.approx(53.0)


def test_every_schedule_has_a_rate() -> None:
    annotation = TrainerConfig.__dataclass_fields__["schedule"].type
    for schedule in get_args(annotation):
        assert rate(config(schedule), 500) > 0
