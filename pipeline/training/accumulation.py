"""Gradient accumulation: a batch that is run in parts, one after the other.

Only one part's activations are in memory at a time. The gradient is that of the whole batch, every
token counting the same in whatever part it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch
from pipeline.nn.loss import SummedLoss

Objective = Callable[[Seq2SeqBatch], SummedLoss]


def accumulated(
    objective: Objective, batch: Seq2SeqBatch, num_parts: int, parameters: Sequence[Tensor]
) -> SummedLoss:
    """The loss of the batch, whose gradient has been found part by part.

    Args:
        objective: The loss of a part.
        batch: At least one pair; with fewer pairs than parts there are fewer parts.
        num_parts: How many parts it is run in.
        parameters: What the gradient is for.
    """
    rows = torch.arange(len(batch.labels), device=batch.labels.device)
    parts = [batch.select(some) for some in rows.tensor_split(num_parts) if len(some)]
    losses: list[SummedLoss] = []
    objective_sum = _InParts.apply(objective, parts, losses, *parameters)  # type: ignore[no-untyped-call]
    return SummedLoss.total(losses)._replace(objective_sum=objective_sum)


class _InParts(torch.autograd.Function):
    """Finds its gradient in the forward pass, as the loss itself does (`pipeline/nn/loss.py`)."""

    @staticmethod
    def forward(
        ctx: Any,
        objective: Objective,
        parts: Sequence[Seq2SeqBatch],
        losses: list[SummedLoss],
        *parameters: Tensor,
    ) -> Tensor:
        sums = [torch.zeros_like(parameter) for parameter in parameters]
        for part in parts:
            with torch.enable_grad():
                loss = objective(part)
                found = torch.autograd.grad(loss.objective_sum, parameters, allow_unused=True)
            for total, gradient in zip(sums, found, strict=True):
                if gradient is not None:
                    total.add_(gradient)
            losses.append(loss._replace(objective_sum=loss.objective_sum.detach()))
        ctx.save_for_backward(*sums)
        return torch.stack([loss.objective_sum for loss in losses]).sum()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, None, *(gradient * grad_outputs[0] for gradient in ctx.saved_tensors))
