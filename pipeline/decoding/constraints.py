"""What a hypothesis is made to hold, and how far it has come with it. Knows no model and no search.

Shape letters beside the usual: R hypotheses, C constraints of a sentence, P tokens of the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.decoding.protocol import NEVER_GENERATED
from pipeline.tokenizer import EOS_ID

NONE = -1
"""Where there is no token, or no constraint."""


class Constraint(NamedTuple):
    """Tokens that have to stand in a hypothesis one after the other.

    Attributes:
        ids: The tokens, one at least, none of them EOS.
        places: The places in the source of what they translate, where that is known.
    """

    ids: tuple[int, ...]
    places: tuple[int, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far each hypothesis has come with the constraints of its sentence.

    Attributes:
        sentences: Which sentence it translates.
        is_met: The constraints that it holds; True too where its sentence has fewer than C.
        open: The constraint that it is in the middle of, which it has to go on with; or NONE.
        num_open: Tokens of that one which it holds.
        has_just_met: Whether its last token was the last of a constraint.
    """

    sentences: Int[Tensor, " R"]
    is_met: Bool[Tensor, "R C"]
    open: Int[Tensor, " R"]
    num_open: Int[Tensor, " R"]
    has_just_met: Bool[Tensor, " R"]

    def select(self, rows: Int[Tensor, " N"]) -> "Progress":
        """That of these hypotheses, in this order; one may be named twice."""
        return Progress(
            self.sentences[rows],
            self.is_met[rows],
            self.open[rows],
            self.num_open[rows],
            self.has_just_met[rows],
        )


class ConstraintTable:
    """The constraints of a batch of sentences.

    Each is met by tokens of its own: what is asked for twice comes twice.

    Args:
        rows: The constraints of each sentence.
        source_ids: The sources.
    """

    def __init__(
        self, rows: Sequence[Sequence[Constraint]], source_ids: Int[Tensor, "B S"]
    ) -> None:
        assert all(each.ids and EOS_ID not in each.ids for row in rows for each in row), rows
        num_constraints = max(1, *map(len, rows))
        num_places = max((len(each.ids) for row in rows for each in row), default=0)
        ids = torch.full((len(rows), num_constraints, num_places + 1), NONE)
        places = torch.zeros(len(rows), num_constraints, source_ids.shape[1])
        twins = torch.full((len(rows), num_constraints), NONE)
        for i, row in enumerate(rows):
            for j, constraint in enumerate(row):
                ids[i, j, : len(constraint.ids)] = torch.tensor(constraint.ids)
                places[i, j, list(constraint.places)] = 1.0
                twins[i, j] = max((k for k in range(j) if row[k] == constraint), default=NONE)
        self._ids, self._places = ids.to(source_ids.device), places.to(source_ids.device)
        self._twins = twins.to(source_ids.device)
        self._lengths = (self._ids != NONE).sum(dim=2)
        self._has_places = self._places.any(dim=2)
        never = torch.tensor(NEVER_GENERATED, device=source_ids.device)
        self._is_possible = ~torch.isin(self._ids, never).any(dim=2)

    @property
    def num_tokens(self) -> Int[Tensor, " B"]:
        """Tokens of all the constraints of each sentence."""
        return self._lengths.sum(dim=1)

    def begin(self) -> Progress:
        """A hypothesis a sentence, which holds nothing yet."""
        sentences = torch.arange(len(self._lengths), device=self._lengths.device)
        return Progress(
            sentences=sentences,
            is_met=self._lengths == 0,
            open=torch.full_like(sentences, NONE),
            num_open=torch.zeros_like(sentences),
            has_just_met=torch.zeros_like(sentences, dtype=torch.bool),
        )

    def next_ids(self, progress: Progress, num_left: Int[Tensor, " R"]) -> Int[Tensor, "R C"]:
        """The token that begins each constraint, or goes on with it; NONE where none may.

        None is begun that cannot be met, by its tokens or as fewer are left than it has: that would
        take the places of other hypotheses. Of equal constraints the first is begun first: or each
        hypothesis would be there twice.
        """
        ids = self._ids[progress.sentences]
        at = progress.num_open.view(-1, 1, 1).expand(-1, ids.shape[1], 1)
        ids = ids.gather(2, at).squeeze(2)
        twins = self._twins[progress.sentences]
        is_next = (twins == NONE) | progress.is_met.gather(1, twins.clamp(min=0))
        is_open = progress.open.unsqueeze(1) == torch.arange(ids.shape[1], device=ids.device)
        fits = self._lengths[progress.sentences] <= num_left.unsqueeze(1)
        may_begin = fits & self._is_possible[progress.sentences] & ~progress.is_met & is_next
        may_begin &= (progress.open == NONE).unsqueeze(1)
        return ids.where(is_open | may_begin, NONE)

    def advance(self, progress: Progress, chosen: Int[Tensor, " R"]) -> Progress:
        """The progress one token on: of the chosen constraint, or NONE where it is of none."""
        is_chosen = chosen != NONE
        constraints = chosen.clamp(min=0)
        num_open = (progress.num_open + 1).where(is_chosen, 0)
        meets = is_chosen & (num_open == self._lengths[progress.sentences, constraints])
        which = torch.nn.functional.one_hot(constraints, progress.is_met.shape[1]).bool()
        return Progress(
            sentences=progress.sentences,
            is_met=progress.is_met | (which & meets.unsqueeze(1)),
            open=chosen.where(~meets, NONE),
            num_open=num_open.where(~meets, 0),
            has_just_met=meets,
        )

    def num_covered(self, progress: Progress) -> Int[Tensor, " R"]:
        """Tokens of constraints that each hypothesis holds."""
        return (self._lengths[progress.sentences] * progress.is_met).sum(dim=1) + progress.num_open

    def has_places(self, progress: Progress) -> Bool[Tensor, "R C"]:
        """Whether it is known of a constraint what it translates."""
        return self._has_places[progress.sentences]

    def attended(
        self, progress: Progress, attention_weights: Float[Tensor, "R S"]
    ) -> tuple[Float[Tensor, "R C"], Float[Tensor, " R"]]:
        """How much of the attention is on the places of each constraint, and of all together."""
        places = self._places[progress.sentences]
        each = torch.einsum("rcs,rs->rc", places, attention_weights)
        return each, (places.amax(dim=1) * attention_weights).sum(dim=1)
