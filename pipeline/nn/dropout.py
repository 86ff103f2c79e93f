"""Dropout whose random bits cost little on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero each unit with probability p and scale the rest by 1 / (1 - p) (Srivastava et al. 2014).

    torch's own dropout draws one number a unit, on one core: an eighth of a
    training step in a profile. Here eight units share a 64-bit number, a byte each, so that p is
    rounded to a multiple of 1/256. On a GPU it is torch's.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._threshold = round(p * 256)

    def forward(self, inputs: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """In training, the inputs with some zeroed; otherwise the inputs."""
        if not self.training or self._threshold == 0:
            return inputs
        if inputs.device.type != "cpu":
            return nn.functional.dropout(inputs, self.p)
        num_words = -(-inputs.numel() // 8)
        words = torch.empty(num_words, dtype=torch.int64).random_(-(2**63), None)
        units = words.view(torch.uint8)[: inputs.numel()].view(inputs.shape)
        scale = 256 / (256 - self._threshold)
        return inputs * (units >= self._threshold).to(inputs.dtype).mul_(scale)
