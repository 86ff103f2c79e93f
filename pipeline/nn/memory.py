"""The memory of a conversation: a recurrent layer over its turns, whatever their number.

The encoder reads each turn once; this layer carries what it found from turn to turn. So a reply
costs the same at turn 200 as at turn 2.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.nn.config import ModelConfig
from pipeline.nn.encoder import EncoderOutput
from pipeline.nn.initialization import build_cell

ConversationState = tuple[Float[Tensor, "D H"], ...]
"""The state of the recurrent layer, for each of D conversations."""


class ConversationMemory(nn.Module):
    """The context RNN of a hierarchical encoder-decoder (Serban et al. 2016, section 3).

    m_n = cell(s_n, m_{n-1}), s_n being the encoder's last hidden state of turn n. The decoder gets
    m_n in two ways: V m_n is added to the encoder's last states, from which it begins, and m_n is
    one more place that attention can look at, before the words of the turn itself.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.cell = build_cell(config, config.hidden_size, config.hidden_size)
        self.V = nn.ModuleList(
            nn.Linear(config.hidden_size, config.hidden_size, bias=False)
            for _ in range(config.num_layers)
        )

    def forward(
        self,
        turn_vectors: Float[Tensor, "B H"],
        turns: Int[Tensor, "D U"],
        before: ConversationState | None = None,
    ) -> tuple[Float[Tensor, "B H"], ConversationState]:
        """Run over conversations.

        Args:
            turn_vectors: s_n of the turns of all conversations, a row each, in any order.
            turns: For each of D conversations the rows of its turns in the order of time; -1 where
                there is none, on the right only.
            before: The memory at the beginning; of a new conversation when not given.

        Returns:
            The memory after each row's turn, and the state of each conversation after its last.
        """
        is_turn = turns >= 0
        vectors_in_order = turn_vectors[turns.clamp_min(0)]  # (D, U, H)
        state = self.cell.initial_state(vectors_in_order) if before is None else before
        outputs = []
        for vectors, is_real in zip(vectors_in_order.unbind(1), is_turn.unbind(1), strict=True):
            _, state_after = self.cell.step(vectors, state)
            state = tuple(
                torch.where(is_real.unsqueeze(1), new, old)
                for new, old in zip(state_after, state, strict=True)
            )
            outputs.append(state[0])
        memories = torch.stack(outputs, dim=1)[is_turn]  # those of turns[is_turn], in this order
        return memories[turns[is_turn].argsort()], state

    def join(self, encoded: EncoderOutput, memories: Float[Tensor, "B H"]) -> EncoderOutput:
        """What the decoder gets: the last turn of each row, with the memory after it."""
        memories = memories.to(encoded.outputs.dtype)
        return EncoderOutput(
            outputs=torch.cat([memories.unsqueeze(1), encoded.outputs], dim=1),
            final_states=tuple(
                final_state + V(memories)
                for V, final_state in zip(self.V, encoded.final_states, strict=True)
            ),
            source_mask=nn.functional.pad(encoded.source_mask, (1, 0), value=True),
        )
