"""The decoder: from the encoder's memory and the tokens so far to features of the next token.

Training runs a whole target in one call, decoding one token a step; both give the same numbers.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pipeline.nn.attention import Attention, build_attention
from pipeline.nn.cells import Cell, State
from pipeline.nn.config import ModelConfig
from pipeline.nn.dropout import Dropout
from pipeline.nn.embedding import Embedding, OneHot
from pipeline.nn.encoder import EncoderOutput
from pipeline.nn.initialization import build_cell
from pipeline.nn.memory import ConversationState
from pipeline.nn.slots import SlotReader


@dataclass(frozen=True)
class DecoderState:
    """All that the next step needs: the recurrent states, and the source as attention sees it.

    Attributes:
        layers: The state of each layer.
        keys: Attention keys, made once a sentence; None without attention.
        values: Attention values; None without attention.
        source_mask: True where a source token is real.
        attention_weights: Where the last step looked; None before the first, or without attention.
        memory: Of the conversation, after the turns read; None where the model keeps none.
    """

    layers: tuple[State, ...]
    keys: Float[Tensor, "B S H"] | None
    values: Float[Tensor, "B S H"] | None
    source_mask: Bool[Tensor, "B S"]
    attention_weights: Float[Tensor, "B S"] | None = None
    memory: ConversationState | None = None

    def select(self, rows: Int[Tensor, " N"]) -> "DecoderState":
        """The state of these rows, in this order; a row may be named twice."""

        def pick(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.index_select(0, rows)

        return DecoderState(
            layers=tuple(
                tuple(part.index_select(0, rows) for part in layer) for layer in self.layers
            ),
            keys=pick(self.keys),
            values=pick(self.values),
            source_mask=self.source_mask.index_select(0, rows),
            attention_weights=pick(self.attention_weights),
            memory=None if self.memory is None else self.memory.select(rows),
        )


class Decoder(nn.Module):
    """Recurrent layers, then attention, then the attentional state of Luong et al. (2015).

    h~ = tanh(W_c [c; h]) (their equation 5), here of size E so that the softmax can share the
    embedding. What the slots of a memory hold is added to it (`SlotReader`). There is no input
    feeding: it would force a loop over the steps in training.
    """

    def __init__(self, config: ModelConfig, embedding: Embedding | OneHot) -> None:
        super().__init__()
        self.embedding = embedding
        self.residual = config.residual
        self.dropout = Dropout(config.dropout)
        sizes = [embedding.embedding_dim] + [config.hidden_size] * (config.num_layers - 1)
        cells = [build_cell(config, size, config.hidden_size) for size in sizes]
        self.layers = nn.ModuleList(cells)
        # The bridge: the first state of a layer, all its parts, from the encoder's last h.
        self.bridges = nn.ModuleList(
            nn.Linear(config.hidden_size, cell.num_state_parts * config.hidden_size)
            for cell in cells
        )
        self.attention: Attention | None = build_attention(
            config.attention, config.hidden_size, num_heads=config.num_heads
        )
        num_inputs = config.hidden_size * (1 if self.attention is None else 2)
        self.W_c = nn.Linear(num_inputs, config.embedding_dim)
        self.slots = (
            SlotReader(config.hidden_size, embedding.embedding_dim, config.embedding_dim)
            if config.memory == "recurrent"
            else None
        )

    def initial_state(
        self, encoded: EncoderOutput, memory: ConversationState | None = None
    ) -> DecoderState:
        """The state before the first token."""
        layers = []
        for bridge, final_state in zip(self.bridges, encoded.final_states, strict=True):
            parts = torch.tanh(bridge(self.dropout(final_state)))
            layers.append(tuple(parts.split(final_state.shape[-1], dim=-1)))
        attention = self.attention
        return DecoderState(
            layers=tuple(layers),
            keys=None if attention is None else attention.keys(encoded.outputs),
            values=None if attention is None else attention.values(encoded.outputs),
            source_mask=encoded.source_mask,
            memory=memory,
        )

    def forward(
        self, decoder_input_ids: Int[Tensor, "B T"], state: DecoderState
    ) -> Float[Tensor, "B T E"]:
        """Features of every next token under teacher forcing."""
        outputs = self.embedding(decoder_input_ids)
        for i, (layer, layer_state) in enumerate(zip(self.layers, state.layers, strict=True)):
            layer_outputs, _ = layer(self.dropout(outputs), layer_state)
            outputs = outputs + layer_outputs if self.residual and i > 0 else layer_outputs
        features, _ = self._attend(outputs, state)
        return features

    def step(
        self, token_ids: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Float[Tensor, "B E"], DecoderState]:
        """Features of the next token, and the state after the tokens given."""
        outputs = self.embedding(token_ids)
        layers = []
        for i, (layer, layer_state) in enumerate(zip(self.layers, state.layers, strict=True)):
            assert isinstance(layer, Cell)
            layer_outputs, layer_state_after = layer.step(self.dropout(outputs), layer_state)
            outputs = outputs + layer_outputs if self.residual and i > 0 else layer_outputs
            layers.append(layer_state_after)
        features, weights = self._attend(outputs.unsqueeze(1), state)
        next_state = replace(
            state,
            layers=tuple(layers),
            attention_weights=None if weights is None else weights.squeeze(1),
        )
        return features.squeeze(1), next_state

    def _attend(self, outputs: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None]:
        # (B, T, H) -> (B, T, E)
        weights = None
        inputs = outputs = self.dropout(outputs)
        attention = self.attention
        if attention is not None:
            contexts, weights = attention(outputs, state.keys, state.values, state.source_mask)
            inputs = torch.cat([contexts, outputs], dim=-1)
        features = torch.tanh(self.W_c(inputs))
        if self.slots is not None:
            assert state.memory is not None
            features = features + self.slots(outputs, state.memory.slots)
        return self.dropout(features), weights
