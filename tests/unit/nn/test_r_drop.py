import pytest
import torch
from torch import Tensor

from pipeline.nn import r_drop as r_drop_module
from pipeline.nn.loss import cross_entropy
from pipeline.nn.r_drop import r_drop_cross_entropy
from pipeline.tokenizer import PAD_ID

NUM_ROWS, NUM_STEPS, EMBEDDING_DIM, VOCAB_SIZE = 12, 9, 5, 11


def example() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(6)
    features = torch.randn(2 * NUM_ROWS, NUM_STEPS, EMBEDDING_DIM, requires_grad=True)
    weight = torch.randn(VOCAB_SIZE, EMBEDDING_DIM, requires_grad=True)
    bias = torch.randn(VOCAB_SIZE, requires_grad=True)
    labels = torch.randint(1, VOCAB_SIZE, (NUM_ROWS, NUM_STEPS))
    labels[torch.rand(labels.shape) < 1 / 3] = PAD_ID
    return features, weight, bias, labels


def by_autograd(
    features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, alpha: float, smoothing: float
) -> Tensor:
    log_probs = torch.nn.functional.linear(features, weight, bias).log_softmax(dim=-1)
    p, q = log_probs.chunk(2)
    wrong = -(1 - smoothing) * (p + q).gather(2, labels.unsqueeze(2)).squeeze(2)
    wrong = wrong - smoothing / VOCAB_SIZE * (p + q).sum(dim=2)
    divergence = (p.exp() * (p - q)).sum(dim=2) + (q.exp() * (q - p)).sum(dim=2)
    return ((wrong / 2 + alpha / 4 * divergence) * (labels != PAD_ID)).sum()


@pytest.mark.parametrize("chunk_rows", [1, 7, 10_000])
@pytest.mark.parametrize(("alpha", "smoothing"), [(0.0, 0.1), (5.0, 0.0), (5.0, 0.1)])
def test_value_and_gradients_are_those_of_its_equation(
    alpha: float, smoothing: float, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(r_drop_module, "_CHUNK_ROWS", chunk_rows)
    features, weight, bias, labels = example()
    inputs = (features, weight, bias)
    found = r_drop_cross_entropy(*inputs, labels, alpha=alpha, label_smoothing=smoothing)
    expected = by_autograd(*inputs, labels, alpha, smoothing)
    torch.testing.assert_close(found.objective_sum, expected, rtol=1e-5, atol=1e-4)
    for gradient, wanted in zip(
        torch.autograd.grad(3 * found.objective_sum, inputs),
        torch.autograd.grad(3 * expected, inputs),
        strict=True,
    ):
        torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-4)


def test_two_passes_that_agree_are_one() -> None:
    features, weight, bias, labels = example()
    features = features.detach()[:NUM_ROWS].repeat(2, 1, 1)
    twice = r_drop_cross_entropy(features, weight, bias, labels, alpha=5.0, label_smoothing=0.1)
    once = cross_entropy(features[:NUM_ROWS], weight, bias, labels, label_smoothing=0.1)
    torch.testing.assert_close(twice.objective_sum, once.objective_sum)
    torch.testing.assert_close(twice.nats_sum, once.nats_sum)
    assert twice.num_predictions == once.num_predictions


def test_the_plain_nats_know_nothing_of_alpha_and_smoothing() -> None:
    features, weight, bias, labels = example()
    plain = r_drop_cross_entropy(features, weight, bias, labels, alpha=0.0)
    other = r_drop_cross_entropy(features, weight, bias, labels, alpha=5.0, label_smoothing=0.3)
    assert torch.equal(plain.nats_sum, other.nats_sum)
    assert other.objective_sum > plain.objective_sum
