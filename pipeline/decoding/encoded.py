"""A source that has been read: searched, sampled and scored from as often as one likes."""

from typing import Generic

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.decoding.protocol import AnyState, Model


class EncodedSource(Generic[AnyState]):
    """A model that has read one source: its `encode` gives that source, in as many rows as asked.

    It is a `Model` itself, so that any search takes it.

    Args:
        model: The model.
        source_ids: The source.
        source_lengths: Its length.
    """

    def __init__(
        self,
        model: Model[AnyState],
        source_ids: Int[Tensor, "1 S"],
        source_lengths: Int[Tensor, " 1"],
    ) -> None:
        self._model = model
        self.source_ids = source_ids
        self.source_lengths = source_lengths
        with torch.no_grad():  # the state may be used in inference mode and out of it
            self._state = model.encode(source_ids, source_lengths)

    def rows(self, num_rows: int) -> tuple[Int[Tensor, "B S"], Int[Tensor, " B"]]:
        """The source so many times, as a search is given a batch."""
        return self.source_ids.expand(num_rows, -1), self.source_lengths.expand(num_rows)

    def encode(self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]) -> AnyState:
        """The state before the first token; only the number of rows is looked at."""
        if len(source_lengths) == 1:
            return self._state
        return self._state.select(torch.zeros_like(source_lengths))

    def step(
        self, token_ids: Int[Tensor, " B"], state: AnyState
    ) -> tuple[Float[Tensor, "B V"], AnyState]:
        """As the model does."""
        return self._model.step(token_ids, state)
