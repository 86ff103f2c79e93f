"""R-Drop: two passes with other dropout are to agree (Wu et al. 2021).

The loss in chunks of rows that `pipeline/nn/loss.py` explains, of two passes side by side.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.nn.loss import SummedLoss, real_rows
from pipeline.tokenizer import PAD_ID

_CHUNK_ROWS = 256


def r_drop_cross_entropy(
    features: Float[Tensor, "pairs T E"],
    weight: Float[Tensor, "V E"],
    bias: Float[Tensor, " V"],
    labels: Int[Tensor, "B T"],
    *,
    alpha: float,
    label_smoothing: float = 0.0,
) -> SummedLoss:
    """(CE_1 + CE_2) / 2 + α/4 (KL(P_1 || P_2) + KL(P_2 || P_1)), summed over the real tokens.

    That is half of the paper's equation 4 (there the cross-entropies are added), so that the
    objective without disagreement is that of `cross_entropy`.

    Args:
        features: Of the first pass over the batch, and of the second, below each other (2 B rows).
        weight: Of the softmax layer.
        bias: Of the softmax layer.
        labels: Of the batch.
        alpha: How much disagreement counts.
        label_smoothing: See `cross_entropy`.
    """
    rows, dtype = real_rows(features, labels.repeat(2, 1))
    first, second = rows.chunk(2)
    real_labels = labels[labels != PAD_ID]
    objective_sum, nats_sum = _ChunkedRDrop.apply(  # type: ignore[no-untyped-call]
        first, second, weight, bias, real_labels, alpha, label_smoothing, dtype
    )
    return SummedLoss(objective_sum, nats_sum, len(real_labels))


class _ChunkedRDrop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        first: Tensor,
        second: Tensor,
        weight: Tensor,
        bias: Tensor,
        labels: Tensor,
        alpha: float,
        label_smoothing: float,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        low_weight, low_bias = weight.to(dtype), bias.to(dtype)
        objective_sum = first.new_zeros((), dtype=torch.float32)
        nats_sum = first.new_zeros((), dtype=torch.float32)
        grads = [torch.empty_like(first, dtype=dtype) for _ in range(2)]
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        grad_bias = torch.zeros_like(bias, dtype=torch.float32)
        uniform = label_smoothing / weight.shape[0]
        with torch.autocast(first.device.type, enabled=False):
            for start in range(0, len(labels), _CHUNK_ROWS):
                rows = slice(start, start + _CHUNK_ROWS)
                y = labels[rows].unsqueeze(1)
                inputs = [each[rows].to(dtype) for each in (first, second)]
                log_p, log_q = (
                    torch.addmm(low_bias, x, low_weight.t()).float().log_softmax(dim=-1)
                    for x in inputs
                )
                p, q = log_p.exp(), log_q.exp()
                difference = log_p - log_q
                p_mean = (p * difference).sum(dim=-1, keepdim=True)  # KL(P_1 || P_2)
                q_mean = (q * difference).sum(dim=-1, keepdim=True)  # -KL(P_2 || P_1)
                both = log_p + log_q
                label_log_probs = both.gather(1, y)
                nats_sum -= label_log_probs.sum() / 2
                objective_sum -= (1 - label_smoothing) / 2 * label_log_probs.sum()
                objective_sum -= uniform / 2 * both.sum()
                objective_sum += alpha / 4 * (p_mean - q_mean).sum()
                # d objective / d logits of each pass: halves of softmax - target distribution, and
                # of the divergences p (d - Σ p d) + (p - q), and the same the other way round.
                agreement = alpha / 4 * (p - q)
                grad_p = p * (0.5 + alpha / 4 * (difference - p_mean)) + agreement
                grad_q = q * (0.5 + alpha / 4 * (q_mean - difference)) - agreement
                label_part = p.new_full(y.shape, -(1 - label_smoothing) / 2)
                for x, grad, grad_features in zip(inputs, (grad_p, grad_q), grads, strict=True):
                    grad.sub_(uniform / 2).scatter_add_(1, y, label_part)
                    low_grad = grad.to(dtype)
                    grad_features[rows] = low_grad @ low_weight
                    grad_weight += low_grad.t() @ x
                    grad_bias += low_grad.sum(dim=0, dtype=torch.float32)
        ctx.save_for_backward(
            *(grad.to(first.dtype) for grad in grads),
            grad_weight.to(weight.dtype),
            grad_bias.to(bias.dtype),
        )
        ctx.mark_non_differentiable(nats_sum)
        return objective_sum, nats_sum

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        scaled = [grad * grad_outputs[0] for grad in ctx.saved_tensors]
        return (*scaled, None, None, None, None)
