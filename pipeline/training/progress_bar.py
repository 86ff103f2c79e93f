"""How far the training is: a bar on a terminal, a line now and then elsewhere."""

import logging
import time
from typing import Any

import lightning
from lightning.pytorch.utilities.types import STEP_OUTPUT
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pipeline.batch import Batch
from pipeline.training.module import TrainingModule
from pipeline.training.schedule import progress

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_UPDATES = 1.0
_SECONDS_BETWEEN_LINES = 30.0


class TrainingProgress(lightning.Callback):
    """Shows the step, the loss, target tokens a second and the time left.

    It reads the loss once a second, not at each step: reading it makes a GPU wait.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._shown_at = 0.0
        self._tokens_shown = 0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Open the bar, where someone can see it move."""
        assert isinstance(pl_module, TrainingModule)
        self._restart(pl_module)
        if self._console.is_terminal and trainer.is_global_zero:
            self._bar = Progress(
                BarColumn(), TextColumn("{task.description}"), console=self._console, transient=True
            )
            self._bar.start()
            self._task = self._bar.add_task("training", total=1.0)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Update, when it is time."""
        assert isinstance(pl_module, TrainingModule)
        now = time.monotonic()
        wait = _SECONDS_BETWEEN_UPDATES if self._bar else _SECONDS_BETWEEN_LINES
        if now - self._shown_at < wait or not trainer.is_global_zero:
            return
        done = progress(pl_module.config, step=trainer.global_step, seconds=pl_module.clock.seconds)
        rate = (pl_module.num_tokens_trained - self._tokens_shown) / (now - self._shown_at)
        seconds_left = pl_module.clock.seconds * (1 - done) / max(done, 1e-9)
        line = (
            f"step {trainer.global_step:,} | loss {pl_module.last_loss:.3f} | "
            f"{rate:,.0f} tokens/s | {_duration(seconds_left)} left"
        )
        if self._bar:
            self._bar.update(self._task, completed=done, description=line)
        else:
            _log.info(line)
        self._restart(pl_module)

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """A validation's own time does not count in the tokens a second."""
        assert isinstance(pl_module, TrainingModule)
        self._restart(pl_module)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        exception: BaseException,
    ) -> None:
        """Leave the terminal as it was."""
        if self._bar:
            self._bar.stop()

    def _restart(self, pl_module: TrainingModule[Any]) -> None:
        self._shown_at = time.monotonic()
        self._tokens_shown = pl_module.num_tokens_trained


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
