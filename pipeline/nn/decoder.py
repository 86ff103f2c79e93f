"""The decoder: from the encoder's memory and the tokens so far to features of the next token.

Training runs a whole target in one call, decoding one token a step; both give the same numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pipeline.nn.attention import Attention, build_attention
from pipeline.nn.cells import Cell, State
from pipeline.nn.config import ModelConfig
from pipeline.nn.coverage import Coverage, Looks
from pipeline.nn.deep_output import DeepOutput
from pipeline.nn.dropout import Dropout, EmbeddingDropout, WordDropout
from pipeline.nn.embedding import Embedding, OneHot
from pipeline.nn.encoder import EncoderOutput
from pipeline.nn.initialization import build_cell
from pipeline.nn.lexical import LexicalPath
from pipeline.nn.memory import ConversationState
from pipeline.nn.slots import SlotReader

RunCell = Callable[[Cell, Tensor, State], tuple[Tensor, State]]
"""A whole run of a cell over (B, T, I), or the one step of T = 1."""


@dataclass(frozen=True)
class DecoderState:
    """All that the next step needs: the recurrent states, and the source as attention sees it.

    Attributes:
        layers: The state of each layer.
        keys: Of each attention, made once a sentence.
        values: Of each attention, made once a sentence.
        source_mask: True where a source token is real.
        attention_weights: Where the top layer looked at the last step; None before the first, or
            without attention.
        memory: Of the conversation, after the turns read; None where the model keeps none.
        words: What the source's words add to the features; None without a lexical path.
        fed: The features of the last step; None without input feeding.
        looks: Where the first looks of the top layer's attention went; None without coverage.
    """

    layers: tuple[State, ...]
    keys: tuple[Float[Tensor, "B S H"], ...]
    values: tuple[Float[Tensor, "B S H"], ...]
    source_mask: Bool[Tensor, "B S"]
    attention_weights: Float[Tensor, "B S"] | None = None
    memory: ConversationState | None = None
    words: Float[Tensor, "B S E"] | None = None
    fed: Float[Tensor, "B E"] | None = None
    looks: Looks | None = None

    def select(self, rows: Int[Tensor, " N"]) -> "DecoderState":
        """The state of these rows, in this order; a row may be named twice."""
        return replace(
            self,
            **self._changing(rows),
            keys=_pick(self.keys, rows),
            values=_pick(self.values, rows),
            source_mask=self.source_mask.index_select(0, rows),
            memory=None if self.memory is None else self.memory.select(rows),
            words=_pick_one(self.words, rows),
        )

    def reorder(self, rows: Int[Tensor, " B"]) -> "DecoderState":
        """As `select`, where each row is of the same source as that in whose place it comes.

        What the steps only read of the source, the larger part by far, need not move.
        """
        return replace(self, **self._changing(rows))

    def _changing(self, rows: Tensor) -> dict[str, Any]:
        """Of these rows what a step changes."""
        return {
            "layers": tuple(_pick(layer, rows) for layer in self.layers),
            "attention_weights": _pick_one(self.attention_weights, rows),
            "fed": _pick_one(self.fed, rows),
            "looks": None if self.looks is None else self.looks.select(rows),
        }


def _pick(tensors: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.index_select(0, rows) for tensor in tensors)


def _pick_one(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if tensor is None else tensor.index_select(0, rows)


class Decoder(nn.Module):
    """Recurrent layers, then attention, then the attentional state of Luong et al. (2015).

    h~ = tanh(W_c [c; h]) (their equation 5), here of size E so that the softmax can share the
    embedding. Added to it are the words looked at (`LexicalPath`), and what the slots of a memory
    hold (`SlotReader`); all of it may go through a hidden layer (`DeepOutput`). Input feeding is an
    option: it forces a loop over the steps in training.
    """

    def __init__(self, config: ModelConfig, embedding: Embedding | OneHot) -> None:
        super().__init__()
        self.embedding = embedding
        self.residual = config.residual
        self.dropout = Dropout(config.dropout, variational=config.variational_dropout)
        self.embedding_dropout = EmbeddingDropout(config.embedding_dropout)
        self.word_dropout = WordDropout(config.word_dropout)
        num_lower = config.num_layers - 1 if config.attention_after == "each" else 0
        above = config.hidden_size * (2 if num_lower else 1)
        self.input_feeding = config.input_feeding
        fed_dim = config.embedding_dim if config.input_feeding else 0
        sizes = [embedding.embedding_dim + fed_dim] + [above] * (config.num_layers - 1)
        cells = [build_cell(config, size, config.hidden_size) for size in sizes]
        self.layers = nn.ModuleList(cells)
        # The bridge: the first state of a layer, all its parts, from the encoder's last h.
        self.bridges = nn.ModuleList(
            nn.Linear(config.hidden_size, cell.num_state_parts * config.hidden_size)
            for cell in cells
        )
        self.attention = _attention(config)
        self.lower_attentions = nn.ModuleList()
        for _ in range(num_lower):
            lower = _attention(config)
            assert lower is not None
            self.lower_attentions.append(lower)
        num_inputs = config.hidden_size * (1 if self.attention is None else 2)
        self.W_c = nn.Linear(num_inputs, config.embedding_dim)
        self.lexical = LexicalPath(config.embedding_dim) if config.lexical else None
        self.coverage = Coverage(config.hidden_size) if config.coverage else None
        self.deep_output = (
            DeepOutput(config.embedding_dim, num_inputs, self.dropout)
            if config.deep_output
            else None
        )
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
        return DecoderState(
            layers=tuple(layers),
            keys=tuple(each.keys(encoded.outputs) for each in self._attentions),
            values=tuple(each.values(encoded.outputs) for each in self._attentions),
            source_mask=encoded.source_mask,
            memory=memory,
            words=None if self.lexical is None else self.lexical(encoded.words),
            fed=self._nothing_fed(encoded.outputs),
            looks=None if self.coverage is None else Looks.none(encoded.source_mask),
        )

    def forward(
        self, decoder_input_ids: Int[Tensor, "B T"], state: DecoderState
    ) -> Float[Tensor, "B T E"]:
        """Features of every next token under teacher forcing."""
        words = self._words(decoder_input_ids)
        if not self.input_feeding:
            features, _ = self._run(words, state, lambda cell, *inputs: cell(*inputs))
            return features
        by_step = []
        for word in words.split(1, dim=1):
            features, state = self._run(word, state, _one_step)
            by_step.append(features)
        return torch.cat(by_step, dim=1)

    def step(
        self, token_ids: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Float[Tensor, "B E"], DecoderState]:
        """Features of the next token, and the state after the tokens given."""
        features, state = self._run(self._words(token_ids.unsqueeze(1)), state, _one_step)
        return features.squeeze(1), state

    def _words(self, token_ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        vectors: Tensor = self.embedding_dropout(self.embedding(token_ids), token_ids)
        words: Tensor = self.word_dropout(vectors)
        return words

    def _run(
        self, words: Float[Tensor, "B T D"], state: DecoderState, run: RunCell
    ) -> tuple[Float[Tensor, "B T E"], DecoderState]:
        if state.fed is not None:
            words = torch.cat([words, state.fed.unsqueeze(1)], dim=-1)
        outputs, layers = self._recur(words, state, run)
        inputs, weights, looks = self._attend(outputs, state)
        features = self._features(inputs, outputs, weights, state)
        state = replace(
            state,
            layers=layers,
            attention_weights=None if weights is None else weights[:, -1],
            fed=features[:, -1] if self.input_feeding else None,
            looks=looks,
        )
        return features, state

    def _recur(
        self, words: Float[Tensor, "B T I"], state: DecoderState, run: RunCell
    ) -> tuple[Float[Tensor, "B T H"], tuple[State, ...]]:
        """The outputs of the top layer, and the states of all."""
        outputs = words
        found: Tensor | None = None  # by the attention after the layer below
        layers = []
        for i, (layer, layer_state) in enumerate(zip(self.layers, state.layers, strict=True)):
            assert isinstance(layer, Cell)
            inputs = self.dropout(outputs)
            if found is not None:
                inputs = torch.cat([inputs, self.dropout(found)], dim=-1)
            layer_outputs, layer_state_after = run(layer, inputs, layer_state)
            outputs = outputs + layer_outputs if self.residual and i > 0 else layer_outputs
            layers.append(layer_state_after)
            if i < len(self.lower_attentions):
                found, _ = self._look(i, self.dropout(outputs), state)
        return self.dropout(outputs), tuple(layers)

    def _attend(
        self, outputs: Float[Tensor, "B T H"], state: DecoderState
    ) -> tuple[Float[Tensor, "B T I"], Float[Tensor, "B T S"] | None, Looks | None]:
        """[c; h], or h alone without attention; the weights of c; where the first looks went."""
        if self.attention is None:
            return outputs, None, None
        context, weights = self._look(-1, outputs, state)
        looks = state.looks
        if self.coverage is not None:
            assert looks is not None
            scores, looks = self.coverage(outputs, weights, looks)
            again = self.coverage.query(outputs, self.dropout(context))
            context, weights = self._look(-1, again, state, scores)
        return torch.cat([context, outputs], dim=-1), weights, looks

    def _features(
        self,
        inputs: Float[Tensor, "B T I"],
        outputs: Float[Tensor, "B T H"],
        weights: Float[Tensor, "B T S"] | None,
        state: DecoderState,
    ) -> Float[Tensor, "B T E"]:
        """What the softmax reads."""
        features: Tensor = torch.tanh(self.W_c(inputs))
        if state.words is not None:
            assert weights is not None
            features = features + weights.to(state.words.dtype) @ state.words
        if self.slots is not None:
            assert state.memory is not None
            features = features + self.slots(outputs, state.memory.slots)
        if self.deep_output is not None:
            features = self.deep_output(features, inputs)
        features = self.dropout(features)
        return features

    def _nothing_fed(self, encoder_outputs: Tensor) -> Tensor | None:
        if not self.input_feeding:
            return None
        return encoder_outputs.new_zeros(encoder_outputs.shape[0], self.W_c.out_features)

    def _look(
        self, i: int, queries: Tensor, state: DecoderState, more_scores: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self._attentions[i](
            queries, state.keys[i], state.values[i], state.source_mask, more_scores
        )
        return found

    @property
    def _attentions(self) -> list[Attention]:
        """From the lowest layer up."""
        attentions = [*self.lower_attentions, self.attention]
        return [each for each in attentions if isinstance(each, Attention)]


def _attention(config: ModelConfig) -> Attention | None:
    return build_attention(config.attention, config.hidden_size, num_heads=config.num_heads)


def _one_step(cell: Cell, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    # (B, 1, I) -> (B, 1, H)
    outputs, state = cell.step(inputs.squeeze(1), state)
    return outputs.unsqueeze(1), state
