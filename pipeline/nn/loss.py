"""Softmax cross-entropy without ever holding the logits of a whole batch.

The softmax over the vocabulary is the largest product of a small model. Here it runs over chunks
of rows, and makes its gradient in the forward pass: the logits are neither kept nor computed twice.
A chunk's logits, in the precision of the products, turn into their gradient in place, a block of
rows at a time, whose probabilities in float32 fit into a cache.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from pipeline.batch import SoftLabels
from pipeline.tokenizer import PAD_ID

_CHUNK_ROWS = 512
_BLOCK_ROWS = 64
"""On a CPU; elsewhere a chunk is one block."""
_ROWS_MULTIPLE = 32
"""The last chunk is filled up to it: a CPU compiles a product anew for each number of rows."""
_TINY = torch.finfo(torch.float32).tiny


class SummedLoss(NamedTuple):
    """Sums over what was to be predicted; averaged by whoever reports them.

    Attributes:
        objective_sum: What training minimises, label smoothing included, in nats.
        nats_sum: The plain negative log-likelihood, in nats; no gradient.
        num_predictions: How many the sums are over: target tokens, EOS among them, or labels.
    """

    objective_sum: Float[Tensor, ""]
    nats_sum: Float[Tensor, ""]
    num_predictions: int

    @classmethod
    def total(cls, losses: Sequence["SummedLoss"]) -> "SummedLoss":
        """The sums over several batches."""
        objectives, nats, nums = zip(*losses, strict=True)
        return cls(torch.stack(objectives).sum(), torch.stack(nats).sum(), sum(nums))


def cross_entropy(
    features: Float[Tensor, "B T E"],
    weight: Float[Tensor, "V E"],
    bias: Float[Tensor, " V"],
    labels: Int[Tensor, "B T"],
    *,
    label_smoothing: float = 0.0,
    token_weights: Float[Tensor, "B T"] | None = None,
    soft_labels: SoftLabels | None = None,
) -> SummedLoss:
    """Loss of the softmax layer `features @ weight.T + bias` against the labels; PAD is left out.

    With smoothing ε the target distribution is (1 - ε) on the label and ε / V on every piece
    (Szegedy et al. 2016, section 7); with soft labels q it is (1 - λ) of that and λ q (Hinton et
    al. 2015; Kim & Rush 2016, section 3.1), λ being their share. `token_weights` says how much a
    label counts in the objective, 1 if not given, and may be negative. The plain nats are those of
    the labels, and know nothing of all that.
    """
    is_real = labels != PAD_ID
    rows, dtype = real_rows(features, labels)
    real_labels = labels[is_real]
    row_weights = None if token_weights is None else token_weights[is_real]
    soft = None if soft_labels is None else soft_labels.of(is_real)
    objective_sum, nats_sum = _ChunkedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        rows, weight, bias, real_labels, row_weights, soft, label_smoothing, dtype
    )
    return SummedLoss(objective_sum, nats_sum, len(real_labels))


def real_rows(
    features: Float[Tensor, "B T E"], labels: Int[Tensor, "B T"]
) -> tuple[Float[Tensor, "N E"], torch.dtype]:
    """The features of real labels, and the precision in which their logits are to be made."""
    device_type = features.device.type
    dtype = features.dtype
    if torch.is_autocast_enabled(device_type):
        dtype = torch.get_autocast_dtype(device_type)
    return features[labels != PAD_ID], dtype


def frequency_weights(counts: Int[Tensor, " V"], exponent: float) -> Float[Tensor, " V"]:
    """How much each piece is to count: (how often it occurs) ** -exponent.

    Scaled so that the mean over all occurrences is 1 (inverse token frequency, Nakamura et al.
    2019).
    """
    weights = counts.clamp_min(1).float() ** -exponent
    return weights * counts.sum() / (weights * counts).sum()


class _Target(NamedTuple):
    """What rows are to predict.

    Attributes:
        labels: Their labels.
        weights: How much each row counts; None counts all alike.
        soft: Soft labels beside them.
        on_label: The probability on the label.
        on_all: The probability spread over all pieces.
    """

    labels: Int[Tensor, " N"]
    weights: Float[Tensor, " N"] | None
    soft: SoftLabels | None
    on_label: float
    on_all: float

    def of(self, rows: slice) -> "_Target":
        """That of some of the rows."""
        return self._replace(
            labels=self.labels[rows],
            weights=None if self.weights is None else self.weights[rows],
            soft=None if self.soft is None else self.soft.of(rows),
        )

    def weighted_sum(self, values: Float[Tensor, "N *"]) -> Float[Tensor, "*"]:
        """Over the rows, as they count."""
        return values.sum(dim=0) if self.weights is None else self.weights @ values


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        labels: Tensor,
        row_weights: Tensor | None,
        soft: SoftLabels | None,
        label_smoothing: float,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        needs_gradient = any(ctx.needs_input_grad)
        num_rows = features.shape[0]
        low_weight, low_bias = weight.to(dtype), bias.to(dtype)
        low_features = pad(features.to(dtype), (0, 0, 0, -num_rows % _ROWS_MULTIPLE))
        objective_sum = features.new_zeros((), dtype=torch.float32)
        nats_sum = features.new_zeros((), dtype=torch.float32)
        grad_features = torch.empty_like(low_features)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        grad_bias = torch.zeros_like(bias, dtype=torch.float32)
        on_soft = 0.0 if soft is None else soft.share
        on_label = (1 - on_soft) * (1 - label_smoothing)
        target = _Target(labels, row_weights, soft, on_label, (1 - on_soft) * label_smoothing)
        ones = low_features.new_ones(1, _CHUNK_ROWS)
        block_rows = _BLOCK_ROWS if features.device.type == "cpu" else _CHUNK_ROWS
        with torch.autocast(features.device.type, enabled=False):
            for start in range(0, num_rows, _CHUNK_ROWS):
                chunk = slice(start, start + _CHUNK_ROWS)
                x = low_features[chunk]
                logits = torch.addmm(low_bias, x, low_weight.t())
                num_real = min(_CHUNK_ROWS, num_rows - start)
                for first in range(0, num_real, block_rows):
                    block = slice(first, min(first + block_rows, num_real))
                    objective, nats = _turn_into_gradient(
                        logits[block], target.of(chunk).of(block), needs_gradient=needs_gradient
                    )
                    objective_sum += objective
                    nats_sum += nats
                if needs_gradient:
                    logits[num_real:] = 0
                    grad_features[chunk] = logits @ low_weight
                    grad_weight += logits.t() @ x
                    grad_bias += (ones[:, : len(x)] @ logits).squeeze(0)
            grad_features = grad_features[:num_rows]
            if label_smoothing:
                # The smoothed part of the target is the same on every piece, and the sum of a row's
                # logits is linear in its features: both sums and gradients are had here, at once.
                uniform = target.on_all / weight.shape[0]
                counts = row_weights
                if counts is None:
                    counts = features.new_ones(num_rows, dtype=torch.float32)
                features_sum = target.weighted_sum(low_features[:num_rows].float())
                weight_sum = low_weight.sum(dim=0, dtype=torch.float32)
                bias_sum = low_bias.sum(dtype=torch.float32)
                objective_sum -= uniform * (features_sum @ weight_sum + counts.sum() * bias_sum)
                if needs_gradient:
                    grad_features -= uniform * torch.outer(counts, weight_sum).to(dtype)
                    grad_weight -= uniform * features_sum
                    grad_bias -= uniform * counts.sum()
        if needs_gradient:
            ctx.save_for_backward(
                grad_features.to(features.dtype),
                grad_weight.to(weight.dtype),
                grad_bias.to(bias.dtype),
            )
        ctx.mark_non_differentiable(nats_sum)
        return objective_sum, nats_sum

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        scale = grad_outputs[0]
        grad_features, grad_weight, grad_bias = ctx.saved_tensors
        scaled = (grad_features * scale, grad_weight * scale, grad_bias * scale)
        return (*scaled, None, None, None, None, None)


def _turn_into_gradient(
    logits: Float[Tensor, "N V"], target: _Target, *, needs_gradient: bool
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The objective and the plain nats; d objective / d logits = softmax - target into `logits`.

    Of the smoothed part of the target only the normaliser is in it.
    """
    y = target.labels.unsqueeze(1)
    probs = torch.softmax(logits, dim=-1, dtype=torch.float32)
    log_prob = _log_of(probs, y)
    objective = -target.on_label * log_prob
    if target.on_all:
        objective += target.on_all * (logits.gather(1, y).float() - log_prob)
    if soft := target.soft:
        expected = (soft.probs * _log_of(probs, soft.ids)).sum(dim=-1, keepdim=True)
        objective -= soft.share * expected
    if needs_gradient:
        grad = probs.scatter_add_(1, y, probs.new_full(y.shape, -target.on_label))
        if soft:
            grad.scatter_add_(1, soft.ids, -soft.share * soft.probs)
        if target.weights is not None:
            grad.mul_(target.weights.unsqueeze(1))
        logits.copy_(grad)
    return target.weighted_sum(objective).squeeze(), -log_prob.sum()


def _log_of(probs: Tensor, ids: Tensor) -> Tensor:
    return probs.gather(1, ids).clamp_min(_TINY).log()
