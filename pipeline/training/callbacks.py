"""What happens around a validation: the best model, a checkpoint, the lines that are printed."""

import ctypes
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.utilities.types import STEP_OUTPUT

from pipeline.training.checkpoint import checkpoint_path
from pipeline.training.metrics_file import MetricsFile
from pipeline.training.module import TrainingModule

_log = logging.getLogger(__name__)


class BestModel(lightning.Callback):
    """Saves the model whenever a validation is the best so far; ends a training without progress.

    Args:
        save: Writes the model folder, given the step and the scores of the validation.
        patience: Validations without a better score after which training ends; 0 means never.
    """

    def __init__(self, save: Callable[[int, dict[str, float]], None], *, patience: int) -> None:
        self.best: dict[str, float] = {}
        self._save = save
        self._patience = patience
        self._num_worse = 0

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Compare with the best so far."""
        assert isinstance(pl_module, TrainingModule)
        scores = pl_module.scores
        self._num_worse += 1
        if not self.best or _goodness(scores) > _goodness(self.best):
            self._num_worse = 0
            self.best = {"step": trainer.global_step, **scores}
            if trainer.is_global_zero:
                self._save(trainer.global_step, scores)
        if self._patience and self._num_worse >= self._patience:
            _log.info("no better validation in %d: training ends here", self._patience)
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"best": self.best, "num_worse": self._num_worse}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.best = state_dict["best"]
        self._num_worse = state_dict["num_worse"]


class Checkpoints(lightning.Callback):
    """Writes a checkpoint after each validation, and every other minute between two of them.

    It has to be the last of the callbacks, so that the states of the others are those after the
    validation.

    Args:
        folder: Where they go.
    """

    _SECONDS_BETWEEN = 120.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = 0.0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """A session begins with nothing that it could lose."""
        assert isinstance(pl_module, TrainingModule)
        self._last = pl_module.clock.seconds

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write one if the last one is old, and no validation comes next: it would be left out."""
        assert isinstance(pl_module, TrainingModule)
        step, config = trainer.global_step, pl_module.config
        if step % config.validate_every == 0 or step == config.max_steps:
            return
        is_old = pl_module.clock.seconds - self._last >= self._SECONDS_BETWEEN
        if trainer.strategy.reduce_boolean_decision(is_old, all=False):
            self._write(trainer, pl_module)

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the checkpoint of this step."""
        assert isinstance(pl_module, TrainingModule)
        self._write(trainer, pl_module)

    def _write(self, trainer: lightning.Trainer, module: TrainingModule[Any]) -> None:
        for logger in trainer.loggers:
            logger.save()  # a session that goes on from here does not measure it again
        trainer.save_checkpoint(
            checkpoint_path(self._folder, trainer.global_step), weights_only=False
        )
        self._last = module.clock.seconds


class MetricsSession(lightning.Callback):
    """Tells `metrics.csv` at which step a session begins, and what a validation took."""

    def __init__(self, metrics: MetricsFile) -> None:
        self._metrics = metrics
        self._tokens_before = 0
        self._seconds_before = 0.0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Drop the rows that this session measures again."""
        assert isinstance(pl_module, TrainingModule)
        self._metrics.start(trainer.global_step)
        self._tokens_before = pl_module.num_tokens_trained
        self._seconds_before = pl_module.clock.seconds

    def on_validation_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Log the target tokens trained on each second since the last validation."""
        assert isinstance(pl_module, TrainingModule)
        seconds = pl_module.clock.seconds - self._seconds_before
        num_tokens = pl_module.num_tokens_trained - self._tokens_before
        self._metrics.log_metrics(
            {
                "seconds": round(pl_module.clock.seconds, 1),
                "tokens_per_second": round(num_tokens / max(seconds, 1e-9)),
            },
            trainer.global_step,
        )

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """A validation's own time does not count as training."""
        assert isinstance(pl_module, TrainingModule)
        self._tokens_before = pl_module.num_tokens_trained
        self._seconds_before = pl_module.clock.seconds


class ReturnMemory(lightning.Callback):
    """Gives freed memory back to the system now and then.

    Batches of ever new shapes leave holes in glibc's heap, which it keeps
    (docs/experiments.md). On other systems there is nothing to do.
    """

    _STEPS_BETWEEN = 25

    def __init__(self) -> None:
        library = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim = getattr(library, "malloc_trim", None)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        """Trim the heap."""
        if self._trim is not None and trainer.global_step % self._STEPS_BETWEEN == 0:
            self._trim(0)


class ValidationLines(lightning.Callback):
    """Prints, after each validation, its scores and a few samples."""

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Print."""
        assert isinstance(pl_module, TrainingModule)
        _log.info(" | ".join([f"step {trainer.global_step:,}", *pl_module.shown_scores()]))
        for line in pl_module.samples():
            _log.info("  %s", line)


def _goodness(scores: dict[str, float]) -> float:
    return scores["val_bleu"] if "val_bleu" in scores else -scores["val_loss"]
