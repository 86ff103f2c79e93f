"""The linear recurrence h_t = a_t h_{t-1} + b_t over a sequence, in parallel over time.

The sequence is cut into about √T chunks of √T steps. All chunks run side by side, each from a state
of zero; then the state is handed from chunk to chunk. That makes 2 √T kernels instead of T, and
reads the sequence three times. With 0 <= a <= 1 nothing grows and nothing is divided, so it is
exact to rounding for any length (a scan by cumulative sums of log a loses digits as the sum grows).
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad


def linear_recurrence(
    decays: Float[Tensor, "B T H"],
    additions: Float[Tensor, "B T H"],
    h_0: Float[Tensor, "B H"],
) -> Float[Tensor, "B T H"]:
    """All h_t of h_t = decays_t h_{t-1} + additions_t."""
    states: Tensor = _LinearRecurrence.apply(decays, additions, h_0)  # type: ignore[no-untyped-call]
    return states


class _LinearRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        decays: Float[Tensor, "B T H"],
        additions: Float[Tensor, "B T H"],
        h_0: Float[Tensor, "B H"],
    ) -> Float[Tensor, "B T H"]:
        states = _scan(decays, additions, h_0)
        ctx.save_for_backward(decays, h_0, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # dh_t = grad_t + a_{t+1} dh_{t+1}: the same recurrence, from the end to the beginning.
        decays, h_0, states = ctx.saved_tensors
        later_decays = pad(decays[:, 1:], (0, 0, 0, 1)).flip(1)
        grad_states = _scan(later_decays, grad_outputs[0].flip(1), torch.zeros_like(h_0)).flip(1)
        before = torch.cat([h_0.unsqueeze(1), states[:, :-1]], dim=1)
        return grad_states * before, grad_states, decays[:, 0] * grad_states[:, 0]


def _scan(decays: Tensor, additions: Tensor, h_0: Tensor) -> Tensor:
    num_rows, num_steps, size = additions.shape
    chunk_size = math.isqrt(num_steps - 1) + 1
    num_chunks = -(-num_steps // chunk_size)
    padding = (0, 0, 0, num_chunks * chunk_size - num_steps)
    # (chunk_size, num_chunks, B, H): a step of all chunks is one contiguous piece of memory.
    shape = (num_rows, num_chunks, chunk_size, size)
    a, states = (
        pad(steps, padding)
        .view(shape)
        .permute(2, 1, 0, 3)
        .clone(memory_format=torch.contiguous_format)
        for steps in (decays, additions)
    )
    for step in range(1, chunk_size):
        states[step].addcmul_(a[step], states[step - 1])
        a[step].mul_(a[step - 1])  # what is left of the state before the chunk
    for chunk in range(num_chunks):
        states[:, chunk].addcmul_(a[:, chunk], h_0)
        h_0 = states[-1, chunk]
    return states.permute(2, 1, 0, 3).reshape(num_rows, -1, size)[:, :num_steps]
