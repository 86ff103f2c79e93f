"""Many-to-many, aligned, over numbers: at every value of a series, the next one."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.batch import SeriesBatch
from pipeline.nn.config import ModelConfig
from pipeline.nn.encoder import RecurrentLayers
from pipeline.nn.loss import SummedLoss


class Forecaster(nn.Module):
    """The next value as a normal distribution, from the values so far (Salinas et al. 2020).

    It forecasts how the series changes: what the network says is added to the value before, so
    that an untrained one comes close to the naive forecast.

    Args:
        config: Sizes and parts.
        mean: Of the training series; inside, values are counted from here …
        scale: … in units of this, their standard deviation.

    Raises:
        ConfigError: The model would read from right to left as well.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, config: ModelConfig, *, mean: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        config.require_one_direction()
        self.config = config
        self.recurrent = RecurrentLayers(config, 1)
        self.W_hy = nn.Linear(config.hidden_size, 2)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))

    def forward(
        self, values: Float[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Mean and standard deviation of every next value, in the units of the series."""
        inputs = (values - self.mean) / self.scale
        lengths = torch.full((len(values),), values.shape[1], device=values.device)
        change, log_deviation = self.W_hy(
            self.recurrent.read(inputs.unsqueeze(-1), lengths).outputs
        ).unbind(-1)
        return values + change.float() * self.scale, log_deviation.float().exp() * self.scale

    def loss(self, batch: SeriesBatch, *, label_smoothing: float = 0.0) -> SummedLoss:
        """Negative log-density of every value after the first, in nats; nothing is smoothed."""
        means, deviations = self(batch.values[:, :-1])
        errors = (batch.values[:, 1:] - means) / deviations
        nats = 0.5 * errors.square() + deviations.log() + 0.5 * math.log(2 * math.pi)
        return SummedLoss(nats.sum(), nats.sum().detach(), nats.numel())
