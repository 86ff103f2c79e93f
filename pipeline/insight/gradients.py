"""The vanishing gradient, measured: how much of the loss still reaches a state, by distance.

The gradient of a loss at the last step with respect to an earlier state is a product of Jacobians,
one a step, so it shrinks or grows exponentially with the distance (Hochreiter 1991; Bengio et al.
1994; Pascanu et al. 2013, section 2). Gates keep the product near 1.
"""

import copy

import torch
from torch import Tensor, nn

from pipeline.nn.cells import Cell, State

_NUM_CLASSES = 10
_NUM_ROWS = 64


def gradient_norms(cell: Cell, inputs: Tensor, *, seed: int = 1) -> list[float]:
    """The norm of ∂loss/∂s_t by distance from the loss: the first is that of the last state.

    The loss is the cross-entropy of a random class under a random readout W_hy of the last h. The
    gradient is autograd's, in float64, whose smallest number is far below it. The state s_t is all
    that the cell carries: h_t, and the memory c_t where there is one, since the loss reaches back
    through both. The norm is taken a row, and averaged over the rows.

    Args:
        cell: A cell, trained or not.
        inputs: (B, T, I): what it reads, from a state of zeros.
        seed: Of the readout and the classes.

    Returns:
        T norms.
    """
    cell, inputs = copy.deepcopy(cell).double(), inputs.double()
    generator = torch.Generator().manual_seed(seed)
    W_hy = torch.randn(cell.hidden_size, _NUM_CLASSES, generator=generator).double()
    W_hy /= cell.hidden_size**0.5
    classes = torch.randint(_NUM_CLASSES, (inputs.shape[0],), generator=generator)
    states: list[State] = []
    state = cell.initial_state(inputs)
    for x_t in inputs.unbind(dim=1):
        _, state = cell.step(x_t, state)
        states.append(state)
    loss = nn.functional.cross_entropy(state[0] @ W_hy, classes, reduction="sum")
    parts = [part for state in states for part in state]
    gradients = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
    num_parts = cell.num_state_parts
    norms = [
        torch.cat(gradients[start : start + num_parts], dim=-1).norm(dim=-1).mean()
        for start in range(0, len(gradients), num_parts)
    ]
    return [float(norm) for norm in reversed(norms)]


def random_inputs(cell: Cell, length: int, *, seed: int = 1) -> Tensor:
    """(B, T, I) of normal numbers of unit size, as embeddings are."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(_NUM_ROWS, length, cell.input_size, generator=generator)
