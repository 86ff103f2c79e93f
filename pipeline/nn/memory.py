"""The memory of a conversation: a recurrent layer over its turns, and slots for its words.

The encoder reads each turn once; this memory carries what it found from turn to turn, and takes no
more room for a longer conversation. So a reply costs the same at turn 200 as at turn 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.nn.cells import State
from pipeline.nn.config import ModelConfig
from pipeline.nn.encoder import EncoderOutput
from pipeline.nn.initialization import build_cell
from pipeline.nn.slots import SlotWriter


@dataclass(frozen=True)
class ConversationState:
    """What is remembered after a turn, of each of B conversations.

    Attributes:
        layer: The state of the recurrent layer, m_n being its first part.
        slots: The words, see `pipeline/nn/slots.py`.
    """

    layer: State
    slots: Float[Tensor, "B K W"]

    def select(self, rows: Int[Tensor, " N"]) -> "ConversationState":
        """Of these rows, in this order; a row may be named twice."""
        layer = tuple(part.index_select(0, rows) for part in self.layer)
        return ConversationState(layer, self.slots.index_select(0, rows))

    @classmethod
    def join(cls, states: Sequence["ConversationState"]) -> "ConversationState":
        """The rows of several, one after the other."""
        layers = zip(*(state.layer for state in states), strict=True)
        return cls(tuple(map(torch.cat, layers)), torch.cat([state.slots for state in states]))

    def empty(self) -> "ConversationState":
        """That of as many conversations before their first turn."""
        return ConversationState(
            tuple(map(torch.zeros_like, self.layer)), torch.zeros_like(self.slots)
        )


class ConversationMemory(nn.Module):
    """The context RNN of a hierarchical encoder-decoder (Serban et al. 2016, section 3), and slots.

    m_n = cell(s_n, m_{n-1}), s_n being the encoder's last hidden state of turn n. The decoder gets
    m_n in two ways: V m_n is added to the encoder's last states, from which it begins, and m_n is
    one more place that attention can look at, before the words of the turn itself. What was said
    literally, a name or a number, and by whom, it looks up in the slots.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.cell = build_cell(config, config.hidden_size, config.hidden_size)
        self.V = nn.ModuleList(
            nn.Linear(config.hidden_size, config.hidden_size, bias=False)
            for _ in range(config.num_layers)
        )
        self.slots = SlotWriter(config.hidden_size)

    def forward(
        self,
        encoded: EncoderOutput,
        words: Float[Tensor, "B S E"],
        turns: Int[Tensor, "D U"],
        before: ConversationState | None = None,
    ) -> ConversationState:
        """Run over conversations.

        Args:
            encoded: The turns of all conversations, a row each, in any order.
            words: Their embeddings.
            turns: For each of D conversations the rows of its turns in the order of time; -1 where
                there is none, on the right only.
            before: The memory at the beginning, of D rows; of new conversations when not given.

        Returns:
            The memory after each row's turn.
        """
        turn_vectors = encoded.final_states[-1]
        added = self.slots.added(words, encoded.outputs, encoded.source_mask)
        if before is None:
            first = turns[:, 0]
            layer = self.cell.initial_state(turn_vectors[first])
            slots = self.slots.empty(added[first])
        else:
            layer, slots = before.layer, before.slots
        after = []
        # What stands on the right of a conversation's last turn is computed and not looked at.
        for rows in turns.clamp_min(0).unbind(1):
            _, layer = self.cell.step(turn_vectors[rows], layer)
            slots = self.slots(slots, added[rows])
            after.append((*layer, slots))
        is_turn = turns >= 0
        order = turns[is_turn].argsort()
        *layer_parts, slots = (
            torch.stack(part, dim=1)[is_turn][order] for part in zip(*after, strict=True)
        )
        return ConversationState(tuple(layer_parts), slots)

    def join(self, encoded: EncoderOutput, memory: ConversationState) -> EncoderOutput:
        """What the decoder begins with: the turn of each row, with the memory after it."""
        m = memory.layer[0].to(encoded.outputs.dtype)
        return EncoderOutput(
            outputs=torch.cat([m.unsqueeze(1), encoded.outputs], dim=1),
            final_states=tuple(
                final_state + V(m)
                for V, final_state in zip(self.V, encoded.final_states, strict=True)
            ),
            source_mask=nn.functional.pad(encoded.source_mask, (1, 0), value=True),
            # The memory is no word.
            words=None if encoded.words is None else nn.functional.pad(encoded.words, (0, 0, 1, 0)),
        )
