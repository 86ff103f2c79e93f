"""How far a training is, and the learning rate there."""

import math
import time

from pipeline.training.config import TrainerConfig


class Clock:
    """Seconds of training, over all the sessions of a run."""

    def __init__(self) -> None:
        self._before = 0.0
        self._started = time.monotonic()

    def start(self, seconds_before: float) -> None:
        """Begin a session of a run that was trained for so long before."""
        self._before = seconds_before
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._before + time.monotonic() - self._started


def progress(config: TrainerConfig, *, step: int, seconds: float) -> float:
    """The share of the training that is done, 0 to 1, by steps or by time, whichever is nearer."""
    share = step / config.max_steps
    if config.max_seconds is not None:
        share = max(share, seconds / config.max_seconds if config.max_seconds else 1.0)
    return min(share, 1.0)


def learning_rate(config: TrainerConfig, *, step: int, done: float) -> float:
    """The learning rate of this step, of a training of which the share `done` is behind."""
    warmup = min(1.0, (step + 1) / max(1, config.warmup_steps))
    match config.schedule:
        case "cosine":  # Loshchilov & Hutter (2017), without restarts
            decay = 0.5 * (1 + math.cos(math.pi * done))
        case "inverse_sqrt":  # Vaswani et al. (2017), section 5.3
            decay = math.sqrt(max(1, config.warmup_steps) / max(step + 1, config.warmup_steps, 1))
        case "constant":
            decay = 1.0
    return config.learning_rate * warmup * decay
