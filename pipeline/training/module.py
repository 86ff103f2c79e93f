"""The LightningModule: a training step, a validation, an optimizer. The network is not here."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from pipeline.batch import Seq2SeqBatch
from pipeline.decoding import LengthLimit, decode_all, greedy_search
from pipeline.metrics import bleu
from pipeline.nn.loss import TokenLoss
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.text import normalize
from pipeline.tokenizer import Tokenizer
from pipeline.training.config import TrainerConfig
from pipeline.training.schedule import Clock, learning_rate, progress

_LOG_EVERY = 50
_NUM_SAMPLES = 5
_BATCH_SIZE = 128


@dataclass(frozen=True)
class ValidationText:
    """The sentences that each validation decodes.

    Attributes:
        sources: As text, to be shown.
        source_ids: As the model reads them.
        references: What they should become.
        target_tokenizer: Ids to text.
        limit: How long a hypothesis may become.
    """

    sources: Sequence[str]
    source_ids: Sequence[Sequence[int]]
    references: Sequence[str]
    target_tokenizer: Tokenizer
    limit: LengthLimit

    @property
    def sample_rows(self) -> list[int]:
        """The few rows that a validation shows: far apart, since neighbours may be one dialogue."""
        num_rows = len(self.sources)
        num_samples = min(_NUM_SAMPLES, num_rows)
        return [i * num_rows // num_samples for i in range(num_samples)]


class Seq2SeqModule(lightning.LightningModule):
    """Trains a `Seq2Seq`, and keeps the moving average of its weights, which is what is judged.

    Translation and chat differ in their data, not here: `judged_by_bleu` says whether a validation
    decodes all its sentences for BLEU, or only the loss counts.

    Args:
        model: The network to train.
        config: How.
        seed: Dropout at a step is a function of the seed and the step.
        validation: What each validation decodes.
        judged_by_bleu: Whether validation computes BLEU.
    """

    def __init__(
        self,
        model: Seq2Seq,
        config: TrainerConfig,
        *,
        seed: int,
        validation: ValidationText,
        judged_by_bleu: bool,
    ) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.averaged = copy.deepcopy(model).requires_grad_(False) if config.ema_decay else model
        self.seed = seed
        self.validation = validation
        self.judged_by_bleu = judged_by_bleu
        self.clock = Clock()
        self.num_tokens_trained = 0
        self.hypotheses: dict[int, str] = {}  # by row of the validation text
        self.scores: dict[str, float] = {}
        self._last_loss: TokenLoss | None = None
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

    def on_train_batch_start(self, batch: Seq2SeqBatch, batch_idx: int) -> None:
        """Make all that is random at this step a function of the step, and set its rate."""
        step = self.global_step
        torch.manual_seed(self.seed * 1_000_003 + step)
        done = progress(self.config, step=step, seconds=self.clock.seconds)
        rate = learning_rate(self.config, step=step, done=done)
        for group in self._optimizer().param_groups:
            group["lr"] = rate

    def training_step(self, batch: Seq2SeqBatch, batch_idx: int) -> STEP_OUTPUT:
        """The mean loss of a target token, over the batches of all devices."""
        loss = self.model.loss(batch, label_smoothing=self.config.label_smoothing)
        self.num_tokens_trained += loss.num_tokens
        self._last_loss = loss
        return loss.objective_sum / self._tokens_per_device(loss.num_tokens)

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

    def on_train_batch_end(self, outputs: STEP_OUTPUT, batch: Seq2SeqBatch, batch_idx: int) -> None:
        """Update the average; end the training when its steps or its time are over."""
        step = self.global_step
        if self.averaged is not self.model:
            # A short memory at first, or the average would long hold the first, random weights.
            decay = min(self.config.ema_decay, (1 + step) / (10 + step))
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay
                )
        if step % _LOG_EVERY == 0:
            self._log(
                train_loss=self.last_loss, learning_rate=self._optimizer().param_groups[0]["lr"]
            )
        done = progress(self.config, step=step, seconds=self.clock.seconds)
        if self.trainer.strategy.reduce_boolean_decision(done >= 1, all=False):
            self.trainer.should_stop = True

    @property
    def last_loss(self) -> float:
        """Nats a token of the last batch; reading it makes a GPU wait."""
        if self._last_loss is None:
            return math.nan
        return float(self._last_loss.nats_sum) / self._last_loss.num_tokens

    def on_validation_epoch_start(self) -> None:
        """Begin the sums."""
        self._validation_sums = (0.0, 0)

    def validation_step(self, batch: Seq2SeqBatch, batch_idx: int) -> None:
        """Add the loss of a batch."""
        loss = self.averaged.loss(batch)
        nats, num_tokens = self._validation_sums
        self._validation_sums = (nats + float(loss.nats_sum), num_tokens + loss.num_tokens)

    def on_validation_epoch_end(self) -> None:
        """Set `scores`: `val_loss` in nats a token, and `val_bleu` from greedy decoding."""
        nats, num_tokens = self._validation_sums
        self.scores = {"val_loss": nats / num_tokens}
        text = self.validation
        rows = range(len(text.sources)) if self.judged_by_bleu else text.sample_rows
        self.hypotheses = dict(zip(rows, self._decode(rows), strict=True))
        if self.judged_by_bleu:
            score = bleu(list(self.hypotheses.values()), text.references)
            self.scores["val_bleu"] = score.value
        self._log(**self.scores)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the time trained so far."""
        checkpoint["seconds_trained"] = self.clock.seconds
        checkpoint["num_tokens_trained"] = self.num_tokens_trained

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the time trained before."""
        self.clock.start(checkpoint["seconds_trained"])
        self.num_tokens_trained = checkpoint["num_tokens_trained"]

    def _optimizer(self) -> torch.optim.Optimizer:
        return self.trainer.optimizers[0]

    def _tokens_per_device(self, num_tokens: int) -> Tensor | int:
        # The gradients of the devices are averaged; so that a token counts the same wherever it
        # is, each device divides by the mean number of tokens, not by its own.
        if self.trainer.world_size == 1:
            return num_tokens
        counted = torch.tensor(float(num_tokens), device=self.device)
        mean = self.trainer.strategy.reduce(counted, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def _decode(self, rows: Sequence[int]) -> list[str]:
        text = self.validation
        self.averaged.eval()
        found = decode_all(
            [text.source_ids[row] for row in rows],
            lambda ids, lengths: greedy_search(self.averaged, ids, lengths, limit=text.limit),
            batch_size=_BATCH_SIZE,
            device=self.device,
        )
        return [normalize(text.target_tokenizer.decode(hypothesis.ids)) for hypothesis in found]

    def _log(self, **values: float) -> None:
        # Not through `self.log`, which counts steps otherwise in validation than in training.
        for logger in self.trainer.loggers:
            logger.log_metrics(values, step=self.global_step)
