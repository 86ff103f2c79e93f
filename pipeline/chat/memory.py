"""What a chat model remembers of a conversation, beside the turns as text."""

from collections.abc import Sequence

from jaxtyping import Int
from torch import Tensor

from pipeline.nn.decoder import DecoderState
from pipeline.nn.memory import ConversationState
from pipeline.nn.seq2seq import Seq2Seq


class Recollection:
    """A model with a memory, as decoding asks for a model: it goes on from what it has read.

    Each turn is read once. The memories after earlier messages are kept, a vector each, so that a
    message can be taken back.

    Args:
        model: Has a `ConversationMemory`.
    """

    def __init__(self, model: Seq2Seq) -> None:
        assert model.memory is not None
        self._model = model
        self._memories: dict[int, ConversationState | None] = {
            0: None
        }  # by the number of turns read
        self._num_turns = 0

    def unread(self, turns: Sequence[str]) -> list[str]:
        """Those turns that are to be given to `encode` next; what was read after them is forgotten.

        Args:
            turns: The conversation so far, a new message at its end.
        """
        self._num_turns = len(turns)
        self._memories = {n: memory for n, memory in self._memories.items() if n < len(turns)}
        return list(turns[max(self._memories) :])

    def forget(self) -> None:
        """Begin anew, or read again what has been said."""
        self._memories = {0: None}

    def encode(
        self, source_ids: Int[Tensor, "1 S"], source_lengths: Int[Tensor, " 1"]
    ) -> DecoderState:
        """The decoder's state after the unread turns, in the light of those before."""
        before = {n: memory for n, memory in self._memories.items() if n < self._num_turns}
        state = self._model.encode(source_ids, source_lengths, before[max(before)])
        self._memories[self._num_turns] = state.memory
        return state

    def step(
        self, token_ids: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Tensor, DecoderState]:
        """See `Seq2Seq.step`."""
        return self._model.step(token_ids, state)
