"""Coverage: attention that looks twice, and the second time knows where it has looked before."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

_REACH = 1
"""Places to the left and to the right of a source token whose weights count for it."""

_NUM_FEATURES = 8


class Looks(NamedTuple):
    """Where the first looks went, up to a step.

    Attributes:
        covered: The sum of their weights at each source token.
        last: The weights of the last one.
    """

    covered: Float[Tensor, "B S"]
    last: Float[Tensor, "B S"]

    @classmethod
    def none(cls, like: Shaped[Tensor, "B S"]) -> "Looks":
        """Those before the first step, for sources of this shape."""
        nowhere = torch.zeros_like(like, dtype=torch.float32)
        return cls(nowhere, nowhere)

    def select(self, rows: Int[Tensor, " N"]) -> "Looks":
        """Those of these rows, in this order."""
        return Looks(*(each.index_select(0, rows) for each in self))


class Coverage(nn.Module):
    """What a second look knows: what the first looks have covered so far, and what this one found.

    To its scores is added Q h_t · tanh(U n_ts), where n_ts holds at s and its neighbours the
    weights of the step before, and the sum of those of all steps before (coverage: Tu et al. 2016,
    section 3.1.1; the neighbours: Chorowski et al. 2015, section 2.2). Those papers sum the weights
    that the coverage itself has changed, which forces a loop over the steps in training; here they
    are those of a first look that knows nothing of it, so that the whole target runs in one call.
    Its query is h_t + W_f c_t, c_t being the context of the first look (a second hop: Sukhbaatar et
    al. 2015, section 2.2).
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.W_f = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U = nn.Conv1d(2, _NUM_FEATURES, 2 * _REACH + 1, padding=_REACH)
        self.Q = nn.Linear(hidden_size, _NUM_FEATURES)

    def query(
        self, queries: Float[Tensor, "B T H"], contexts: Float[Tensor, "B T H"]
    ) -> Float[Tensor, "B T H"]:
        """The queries of the second look, after the contexts that the first found."""
        found: Tensor = self.W_f(contexts)
        return queries + found

    def forward(
        self,
        queries: Float[Tensor, "B T H"],
        weights: Float[Tensor, "B T S"],
        before: Looks,
    ) -> tuple[Float[Tensor, "B T S"], Looks]:
        """The scores to add, and where the looks went after these steps.

        Args:
            queries: As the attention has them.
            weights: Of the first look at each step.
            before: Of the steps before these.
        """
        upto = before.covered.unsqueeze(1) + weights.cumsum(dim=1)
        last = torch.cat([before.last.unsqueeze(1), weights[:, :-1]], dim=1)
        looks = torch.stack([upto - weights, last], dim=2)  # (B, T, 2, S)
        found = self.U(looks.flatten(0, 1).to(self.U.weight.dtype)).unflatten(0, looks.shape[:2])
        features = torch.tanh(found).to(queries.dtype)
        scores = (self.Q(queries).unsqueeze(2) @ features).squeeze(2)
        return scores, Looks(upto[:, -1], weights[:, -1])
