"""The LightningModule: a training step, a validation, an optimizer. The network is not here.

Each kind of network has a small module of its own, which knows what to make of a validation.
"""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import lightning
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from pipeline.batch import Batch
from pipeline.nn.loss import SummedLoss
from pipeline.nn.network import Network
from pipeline.training.config import TrainerConfig
from pipeline.training.schedule import Clock, learning_rate, progress

_LOG_EVERY = 50

AnyNetwork = TypeVar("AnyNetwork", bound=Network)


class TrainingModule(lightning.LightningModule, Generic[AnyNetwork]):
    """Trains a network, and keeps the moving average of its weights, which is what is judged.

    By its loss alone, unless a kind of network says more of itself in `judge`.

    Args:
        model: The network to train.
        config: How.
        seed: Dropout at a step is a function of the seed and the step.
    """

    def __init__(self, model: AnyNetwork, config: TrainerConfig, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.averaged = model
        if config.ema_decay or config.average_checkpoints:
            self.averaged = copy.deepcopy(model)
            self.averaged.requires_grad_(False)
        self.seed = seed
        self.clock = Clock()
        self._recent_weights: list[list[Tensor]] = []  # at the last validations, for their mean
        self.num_tokens_trained = 0  # of all devices, as if each had as many as this one
        self.scores: dict[str, float] = {}
        self._last_loss: SummedLoss | None = None
        self._validation_sums = (0.0, 0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over the weights; its learning rate is set at each step."""
        return torch.optim.AdamW(
            self.model.parameters(),
            lr=self.config.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=self.config.weight_decay,
            fused=True,
        )

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Make all that is random at this step a function of the step, and set its rate."""
        step = self.global_step
        torch.manual_seed(self.seed * 1_000_003 + step)
        done = progress(self.config, step=step, seconds=self.clock.seconds)
        rate = learning_rate(self.config, step=step, done=done)
        for group in self._optimizer().param_groups:
            group["lr"] = rate

    def training_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """The mean loss of a prediction, over the batches of all devices."""
        loss = self.objective(batch)
        self.num_tokens_trained += batch.num_tokens * self.trainer.world_size
        self._last_loss = loss
        return loss.objective_sum / self._predictions_per_device(loss.num_predictions)

    def objective(self, batch: Any) -> SummedLoss:
        """The loss that training minimises."""
        return _loss(self.model, batch, label_smoothing=self.config.label_smoothing)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm. Lightning itself refuses to where the optimizer is fused."""
        torch.nn.utils.clip_grad_norm_(
            self.model.parameters(), self.config.max_gradient_norm, foreach=True
        )

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: torch.optim.Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Take the step, move the average after it, and log now and then.

        Here and not in `on_train_batch_end`, which comes after that of the callbacks: a checkpoint
        that one of them writes is of the whole step.
        """
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        step = self.global_step + 1  # Lightning has not counted it yet
        if self.config.ema_decay:
            # A short memory at first, or the average would long hold the first, random weights.
            decay = min(self.config.ema_decay, (1 + step) / (10 + step))
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay
                )
        if step % _LOG_EVERY == 0:
            rate = self._optimizer().param_groups[0]["lr"]
            self._log(step, train_loss=self.last_loss, learning_rate=rate)

    def on_train_batch_end(self, outputs: STEP_OUTPUT, batch: Batch, batch_idx: int) -> None:
        """End the training when its steps or its time are over."""
        done = progress(self.config, step=self.global_step, seconds=self.clock.seconds)
        if self.trainer.strategy.reduce_boolean_decision(done >= 1, all=False):
            self.trainer.should_stop = True

    @property
    def last_loss(self) -> float:
        """Nats a prediction of the last batch; reading it makes a GPU wait."""
        if self._last_loss is None:
            return math.nan
        return float(self._last_loss.nats_sum) / self._last_loss.num_predictions

    def on_validation_epoch_start(self) -> None:
        """Begin the sums; with checkpoint averaging, take the mean that is to be judged."""
        self._validation_sums = (0.0, 0)
        if self.config.average_checkpoints:
            now = [parameter.detach().clone() for parameter in self.model.parameters()]
            self._recent_weights = [*self._recent_weights, now][-self.config.average_checkpoints :]
            with torch.no_grad():
                for mean, *weights in zip(
                    self.averaged.parameters(), *self._recent_weights, strict=True
                ):
                    mean.copy_(torch.stack(weights).mean(dim=0))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add the loss of a batch."""
        loss = _loss(self.averaged, batch)
        nats, num_predictions = self._validation_sums
        self._validation_sums = (
            nats + float(loss.nats_sum),
            num_predictions + loss.num_predictions,
        )
        self.observe(batch)

    def on_validation_epoch_end(self) -> None:
        """Set `scores`: `val_loss` in nats a prediction, and what else `judge` finds."""
        nats, num_predictions = self._validation_sums
        self.scores = {"val_loss": nats / num_predictions, **self.judge()}
        self._log(self.global_step, **self.scores)

    def observe(self, batch: Any) -> None:
        """Gather what `judge` needs of a validation batch."""

    def judge(self) -> dict[str, float]:
        """More scores of this validation, by name."""
        return {}

    def shown_scores(self) -> list[str]:
        """The scores of the last validation for a person to read."""
        return [f"validation loss {self.scores['val_loss']:.3f}"]

    def samples(self) -> Iterator[str]:
        """Lines that show what the network does by now."""
        yield from ()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the time trained so far, and what the next averages are made of."""
        if self.config.average_checkpoints:
            checkpoint["recent_weights"] = self._recent_weights
        checkpoint["seconds_trained"] = self.clock.seconds
        checkpoint["num_tokens_trained"] = self.num_tokens_trained

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from there."""
        self._recent_weights = checkpoint.get("recent_weights", [])
        self.clock.start(checkpoint["seconds_trained"])
        self.num_tokens_trained = checkpoint["num_tokens_trained"]

    def _optimizer(self) -> torch.optim.Optimizer:
        return self.trainer.optimizers[0]

    def _predictions_per_device(self, num_predictions: int) -> Tensor | int:
        # The gradients of the devices are averaged; so that a prediction counts the same wherever
        # it is, each device divides by their mean number, not by its own.
        if self.trainer.world_size == 1:
            return num_predictions
        counted = torch.tensor(float(num_predictions), device=self.device)
        mean = self.trainer.strategy.reduce(counted, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def _log(self, step: int, **values: float) -> None:
        # Not through `self.log`, which counts steps otherwise in validation than in training.
        for logger in self.trainer.loggers:
            logger.log_metrics(values, step=step)


def _loss(network: Network, batch: Any, *, label_smoothing: float = 0.0) -> SummedLoss:
    return network.loss(batch, label_smoothing=label_smoothing)
