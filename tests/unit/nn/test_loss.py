from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pipeline.batch import SoftLabels
from pipeline.nn import loss as loss_module
from pipeline.nn.loss import SummedLoss, cross_entropy, frequency_weights
from pipeline.tokenizer import PAD_ID

NUM_ROWS, NUM_STEPS, EMBEDDING_DIM, VOCAB_SIZE = 30, 20, 5, 11
smoothings = pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.5])


def example() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, weight and bias that want a gradient; labels, a third of them padding."""
    torch.manual_seed(6)
    features = torch.randn(NUM_ROWS, NUM_STEPS, EMBEDDING_DIM, requires_grad=True)
    weight = torch.randn(VOCAB_SIZE, EMBEDDING_DIM, requires_grad=True)
    bias = torch.randn(VOCAB_SIZE, requires_grad=True)
    labels = torch.randint(1, VOCAB_SIZE, (NUM_ROWS, NUM_STEPS))
    labels[torch.rand(labels.shape) < 1 / 3] = PAD_ID
    return features, weight, bias, labels


def torchs_own(
    features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    return nn.functional.cross_entropy(
        nn.functional.linear(features, weight, bias).flatten(0, 1),
        labels.flatten(),
        ignore_index=PAD_ID,
        label_smoothing=label_smoothing,
        reduction="sum",
    )


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).detach().norm() / expected.detach().norm())


@smoothings
@pytest.mark.parametrize("chunk_rows", [1, 7, 256, 10_000])
def test_value_and_gradients_are_those_of_torch(
    label_smoothing: float, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_module, "_CHUNK_ROWS", chunk_rows)
    features, weight, bias, labels = example()
    inputs = [features, weight, bias]
    assert int((labels != PAD_ID).sum()) > 256
    found = cross_entropy(features, weight, bias, labels, label_smoothing=label_smoothing)
    expected = torchs_own(features, weight, bias, labels, label_smoothing=label_smoothing)
    assert relative(found.objective_sum, expected) < 1e-5
    gradients = torch.autograd.grad(3 * found.objective_sum, inputs)
    expected_gradients = torch.autograd.grad(3 * expected, inputs)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-4)
        assert relative(gradient, expected_gradient) < 1e-5


@pytest.mark.parametrize("num_rows", [1, 32, 250, 256, 257])
def test_products_have_few_different_numbers_of_rows(
    num_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    addmm = torch.addmm

    def recorded(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        rows.append(len(x))
        return addmm(bias, x, weight)

    monkeypatch.setattr(torch, "addmm", recorded)
    features = torch.randn(1, num_rows, EMBEDDING_DIM)
    labels = torch.full((1, num_rows), PAD_ID + 1)
    loss = cross_entropy(features, torch.randn(11, EMBEDDING_DIM), torch.zeros(11), labels)
    assert loss.num_predictions == num_rows
    assert [count % 32 for count in rows] == [0] * len(rows)
    assert num_rows <= sum(rows) < num_rows + 32


def test_few_rows_have_their_probabilities_in_float32_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows: list[int] = []
    softmax = torch.softmax

    def recorded(logits: Tensor, dim: int, dtype: torch.dtype) -> Tensor:
        rows.append(len(logits))
        return softmax(logits, dim, dtype=dtype)

    monkeypatch.setattr(torch, "softmax", recorded)
    loss = cross_entropy(*example())
    assert sum(rows) == loss.num_predictions > 256
    assert max(rows) <= 64


def test_smoothing_by_hand() -> None:
    features = torch.zeros(1, 1, 1)
    bias = torch.tensor([0.0, 0.0, 0.0, 3.0]).log_softmax(0)
    labels = torch.tensor([[3]])
    loss = cross_entropy(features, torch.zeros(4, 1), bias, labels, label_smoothing=0.2)
    # 0.8 on the label, 0.2 / 4 on every piece, the label included.
    nats = -bias
    assert loss.objective_sum.item() == pytest.approx(float(0.8 * nats[3] + 0.05 * nats.sum()))
    assert float(loss.nats_sum) == pytest.approx(float(nats[3]))
    assert loss.num_predictions == 1


@smoothings
def test_the_nats_are_plain_whatever_the_smoothing(label_smoothing: float) -> None:
    features, weight, bias, labels = example()
    loss = cross_entropy(features, weight, bias, labels, label_smoothing=label_smoothing)
    assert relative(loss.nats_sum, torchs_own(features, weight, bias, labels)) < 1e-5
    assert loss.num_predictions == int((labels != PAD_ID).sum())


def test_the_nats_have_no_gradient() -> None:
    features, weight, bias, labels = example()
    loss = cross_entropy(features, weight, bias, labels)
    assert loss.objective_sum.requires_grad
    assert not loss.nats_sum.requires_grad


def test_padding_has_no_part_in_value_or_gradient() -> None:
    features, weight, bias, labels = example()
    loss = cross_entropy(features, weight, bias, labels, label_smoothing=0.1)
    changed = features.detach().clone()
    changed[labels == PAD_ID] = 1000.0
    again = cross_entropy(changed, weight, bias, labels, label_smoothing=0.1)
    assert torch.equal(loss.objective_sum, again.objective_sum)
    (gradient,) = torch.autograd.grad(loss.objective_sum, [features])
    assert (gradient[labels == PAD_ID] == 0).all()
    assert (gradient[labels != PAD_ID] != 0).any(dim=-1).all()


@pytest.mark.parametrize("sizes", [[30], [10, 20], [1, 28, 1], [1] * 30])
def test_the_mean_does_not_depend_on_how_a_batch_is_cut(sizes: list[int]) -> None:
    features, weight, bias, labels = example()
    whole = torchs_own(features, weight, bias, labels) / (labels != PAD_ID).sum()
    parts = [
        cross_entropy(some_features, weight, bias, some_labels)
        for some_features, some_labels in zip(
            features.split(sizes), labels.split(sizes), strict=True
        )
    ]
    mean = sum(float(part.nats_sum) for part in parts) / sum(part.num_predictions for part in parts)
    assert mean == pytest.approx(whole.item(), rel=1e-5)


def test_the_gradient_does_not_depend_on_how_a_batch_is_cut() -> None:
    features, weight, bias, labels = example()

    def gradient(loss: SummedLoss) -> Tensor:
        (found,) = torch.autograd.grad(loss.objective_sum, [weight])
        return found

    whole = gradient(cross_entropy(features, weight, bias, labels))
    halves = [
        gradient(cross_entropy(features[rows], weight, bias, labels[rows]))
        for rows in (slice(0, 7), slice(7, None))
    ]
    assert relative(halves[0] + halves[1], whole) < 1e-5


@smoothings
def test_bf16_autocast_is_close_to_float32(label_smoothing: float) -> None:
    features, weight, bias, labels = example()
    inputs = [features, weight, bias]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cross_entropy(features, weight, bias, labels, label_smoothing=label_smoothing)
    expected = torchs_own(features, weight, bias, labels, label_smoothing=label_smoothing)
    assert loss.objective_sum.dtype == torch.float32
    assert relative(loss.objective_sum, expected) < 0.01
    gradients = torch.autograd.grad(loss.objective_sum, inputs)
    expected_gradients = torch.autograd.grad(expected, inputs)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert gradient.dtype == torch.float32
        assert relative(gradient, expected_gradient) < 0.02


@pytest.mark.parametrize("freeze", [torch.no_grad, torch.inference_mode])
def test_without_gradient_the_value_is_the_same(freeze: Callable[[], torch.no_grad]) -> None:
    features, weight, bias, labels = example()
    with_gradient = cross_entropy(features, weight, bias, labels)
    with freeze():
        without = cross_entropy(features, weight, bias, labels)
    assert torch.equal(without.nats_sum, with_gradient.nats_sum)
    assert not without.objective_sum.requires_grad


def assert_alike(
    found: SummedLoss,
    expected: Tensor,
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    labels: Tensor,
) -> None:
    """The objective and its gradients are the expected ones, and the nats those of the labels."""
    inputs = [features, weight, bias]
    assert relative(found.objective_sum, expected) < 1e-5
    gradients = torch.autograd.grad(found.objective_sum, inputs)
    for gradient, other in zip(gradients, torch.autograd.grad(expected, inputs), strict=True):
        assert relative(gradient, other) < 1e-5
    plain = cross_entropy(features, weight, bias, labels)
    assert float(found.nats_sum) == pytest.approx(float(plain.nats_sum))


@smoothings
@pytest.mark.parametrize("chunk_rows", [7, 256])
def test_weighted_tokens_are_the_sum_of_their_own_losses(
    label_smoothing: float, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_module, "_CHUNK_ROWS", chunk_rows)
    features, weight, bias, labels = example()
    weights = torch.randn(labels.shape) * 3
    found = cross_entropy(
        features, weight, bias, labels, label_smoothing=label_smoothing, token_weights=weights
    )
    each = nn.functional.cross_entropy(
        nn.functional.linear(features, weight, bias).flatten(0, 1),
        labels.flatten(),
        ignore_index=PAD_ID,
        label_smoothing=label_smoothing,
        reduction="none",
    )
    expected = (each * weights.flatten()).sum()
    assert_alike(found, expected, features, weight, bias, labels)


def soft_example(labels: Tensor, *, share: float) -> SoftLabels:
    """Three pieces a label, the label among them at times, and never one of them twice."""
    ids = torch.rand(*labels.shape, VOCAB_SIZE).topk(3).indices
    return SoftLabels(ids, torch.rand(*labels.shape, 3).softmax(dim=-1), share=share)


@smoothings
@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("chunk_rows", [7, 256])
def test_soft_labels_give_what_torch_gives_for_their_distribution(
    label_smoothing: float, share: float, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_module, "_CHUNK_ROWS", chunk_rows)
    features, weight, bias, labels = example()
    soft = soft_example(labels, share=share)
    token_weights = torch.randn(labels.shape)
    found = cross_entropy(
        features,
        weight,
        bias,
        labels,
        label_smoothing=label_smoothing,
        token_weights=token_weights,
        soft_labels=soft,
    )
    hard = nn.functional.one_hot(labels, VOCAB_SIZE) * (1 - label_smoothing)
    target = (1 - share) * (hard + label_smoothing / VOCAB_SIZE)
    target = target.scatter_add(-1, soft.ids, share * soft.probs)
    log_probs = nn.functional.linear(features, weight, bias).log_softmax(dim=-1)
    weights = token_weights * (labels != PAD_ID)
    expected = -(weights * (target * log_probs).sum(dim=-1)).sum()
    assert_alike(found, expected, features, weight, bias, labels)


def test_what_a_network_says_itself_teaches_it_nothing() -> None:
    features, weight, bias, labels = example()
    probs = nn.functional.linear(features, weight, bias).softmax(dim=-1).detach()
    ids = torch.arange(VOCAB_SIZE).expand(probs.shape)
    soft = SoftLabels(ids, probs, share=1.0)
    loss = cross_entropy(features, weight, bias, labels, soft_labels=soft)
    for gradient in torch.autograd.grad(loss.objective_sum, [features, weight, bias]):
        assert gradient.abs().max() < 1e-4


def test_frequency_weights_by_hand() -> None:
    weights = frequency_weights(torch.tensor([4, 16, 0]), 0.5)
    # 1/2 and 1/4, whose mean over the 20 tokens is (4 / 2 + 16 / 4) / 20 = 0.3; unseen as if once.
    torch.testing.assert_close(weights, torch.tensor([0.5, 0.25, 1.0]) / 0.3)
    assert frequency_weights(torch.tensor([3, 9]), 0.0).tolist() == [1, 1]
