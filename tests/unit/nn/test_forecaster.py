import pytest
import torch

from pipeline.batch import SeriesBatch
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.nn.forecaster import Forecaster

_VALUES = torch.tensor([[3.0, 5.0, 4.0, 7.0, 2.0], [0.0, -1.0, 1.0, 0.5, 0.25]])


def _forecaster(mean: float = 0.0, scale: float = 1.0, **config: object) -> Forecaster:
    torch.manual_seed(1)
    sizes = {"hidden_size": 6, "bidirectional": False}
    return Forecaster(
        ModelConfig(**{**sizes, **config}),  # type: ignore[arg-type]
        mean=mean,
        scale=scale,
    ).eval()


def test_a_value_is_forecast_from_those_before_it_alone() -> None:
    model = _forecaster()
    other = _VALUES.clone()
    other[:, 3:] += 10
    for one, two in zip(model(_VALUES), model(other), strict=True):
        assert torch.equal(one[:, :3], two[:, :3])
        assert not torch.allclose(one[:, 3], two[:, 3])


def test_a_model_that_reads_backwards_is_refused() -> None:
    with pytest.raises(ConfigError, match="^model.bidirectional: expected false, got true"):
        _forecaster(bidirectional=True)


def test_a_network_that_says_nothing_gives_the_naive_forecast() -> None:
    model = _forecaster(mean=2.0, scale=3.0)
    for parameter in model.W_hy.parameters():
        parameter.data.zero_()
    means, deviations = model(_VALUES)
    assert torch.equal(means, _VALUES)
    assert torch.equal(deviations, torch.full_like(_VALUES, 3.0))


def test_in_other_units_the_forecast_is_the_same_in_those_units() -> None:
    celsius, fahrenheit = _forecaster(mean=12.0, scale=9.0), _forecaster(mean=53.6, scale=16.2)
    means, deviations = celsius(_VALUES)
    other_means, other_deviations = fahrenheit(_VALUES * 1.8 + 32)
    torch.testing.assert_close(other_means, means * 1.8 + 32)
    torch.testing.assert_close(other_deviations, deviations * 1.8)


def test_the_loss_is_the_negative_log_density() -> None:
    model = _forecaster(mean=1.0, scale=2.0)
    loss = model.loss(SeriesBatch(_VALUES), label_smoothing=0.1)
    normal = torch.distributions.Normal(*model(_VALUES[:, :-1]))
    torch.testing.assert_close(loss.objective_sum, -normal.log_prob(_VALUES[:, 1:]).sum())
    torch.testing.assert_close(loss.nats_sum, loss.objective_sum)
    assert not loss.nats_sum.requires_grad
    assert loss.num_predictions == 8
