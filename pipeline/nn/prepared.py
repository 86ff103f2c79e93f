"""An encoder-decoder made ready for use: the numbers of `Seq2Seq`, with less to do for each token.

What trained weights decide is worked out once. What follows from a token alone is a row of a table:
W_xh x of the first recurrent layers, what a word adds by the lexical path. What follows from the
source alone is multiplied once a sentence: of the attentional state W_c [c; h] = W_c1 c + W_c2 h,
W_c1 times the encoder's outputs, of which the context then is a sum, and the same for what a deep
output reads; of coverage's second query h + W_f c, what W_f c adds to the scores. The weights are
in the precision of the products, and recurrent layers run over no padding.
"""

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear

from pipeline.batch import length_mask
from pipeline.nn.cells import State, SteppedCell
from pipeline.nn.config import ModelConfig
from pipeline.nn.coverage import Looks
from pipeline.nn.decoder import Decoder
from pipeline.nn.embedding import token_vectors
from pipeline.nn.seq2seq import Seq2Seq

KNOWN_PARTS: Mapping[str, tuple[object, ...]] = {
    "cell": ("gru", "lstm"),
    "attention": ("none", "dot", "general"),
    "attention_after": ("last",),
    "input_feeding": (False,),
    "coverage": (False, True),
    "memory": ("none",),
}
"""What a `PreparedSeq2Seq` may be made of: keys of the `model` section and their values. The
attentions are those whose scores are products."""


@dataclass(frozen=True)
class PreparedState:
    """All that the next step needs.

    Attributes:
        layers: The state of each layer.
        keys: What the top layer's h is compared with; none without attention.
        values: What of the encoder's outputs is read (`readers`), beside it what the words add; as
            the keys.
        barred: 0 at a source token, -inf at padding.
        hops: What it adds to the second look's scores, to have found a token at the first: a row
            for each that was found; None without coverage.
        looks: Where the first looks of the attention went; None without coverage.
        attention_weights: Where the last step looked; None before the first, or without attention.
    """

    layers: tuple[State, ...]
    keys: Float[Tensor, "B S H"] | None
    values: Float[Tensor, "B S F"] | None
    barred: Float[Tensor, "B S"]
    hops: Float[Tensor, "B S S"] | None = None
    looks: Looks | None = None
    attention_weights: Float[Tensor, "B S"] | None = None

    def select(self, rows: Int[Tensor, " N"]) -> "PreparedState":
        """The state of these rows, in this order; a row may be named twice."""
        return replace(
            self,
            **self._changing(rows),
            keys=_pick(self.keys, rows),
            values=_pick(self.values, rows),
            hops=_pick(self.hops, rows),
            barred=self.barred.index_select(0, rows),
        )

    def reorder(self, rows: Int[Tensor, " B"]) -> "PreparedState":
        """As `select`, where each row is of the same source as that in whose place it comes."""
        return replace(self, **self._changing(rows))

    def _changing(self, rows: Tensor) -> dict[str, Any]:
        layers = tuple(tuple(part.index_select(0, rows) for part in each) for each in self.layers)
        return {
            "layers": layers,
            "looks": None if self.looks is None else self.looks.select(rows),
            "attention_weights": _pick(self.attention_weights, rows),
        }


class PreparedSeq2Seq:
    """A trained `Seq2Seq` to decode from, without gradients: a `Model` of `pipeline.decoding`.

    Args:
        network: One that `can_be_prepared`; it stays as it is.
        dtype: Of the weights and the products.
    """

    def __init__(self, network: Seq2Seq, dtype: torch.dtype = torch.float32) -> None:
        assert can_be_prepared(network)
        network = copy.deepcopy(network).requires_grad_(False).eval()
        self._encoder, self._decoder = network.encoder, network.decoder
        self._encoder_cells = [_stepped(cells) for cells in self._encoder.cells]
        self._decoder_cells = _stepped(self._decoder.layers)
        source_words = token_vectors(self._encoder.embedding)
        target_words = token_vectors(self._decoder.embedding)
        self._source_tables = [
            cell.project(source_words).to(dtype) for cell in self._encoder_cells[0]
        ]
        self._target_table = self._decoder_cells[0].project(target_words).to(dtype)
        lexical = self._decoder.lexical
        self._lexical_table = None if lexical is None else lexical(source_words).to(dtype)
        self._network = network.to(dtype)
        reader, self._reader_bias = readers(self._decoder)
        self._readers: tuple[Tensor, ...] = reader.split(network.config.hidden_size, dim=1)

    @torch.no_grad()
    def encode(
        self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
    ) -> PreparedState:
        """The state before the first token."""
        lengths, order = source_lengths.sort(descending=True, stable=True)
        ids = source_ids[order]
        outputs, final_states = self._read(ids, lengths)
        layers = []
        for cell, bridge, h in zip(
            self._decoder_cells, self._decoder.bridges, final_states, strict=True
        ):
            layers.append(tuple(torch.tanh(bridge(h)).chunk(cell.num_state_parts, dim=-1)))
        barred = torch.zeros_like(ids, dtype=torch.float32)
        barred.masked_fill_(~length_mask(lengths, ids.shape[1]), -math.inf)
        keys, values = self._looked_at(ids, outputs)
        state = PreparedState(tuple(layers), keys, values, barred)
        if self._decoder.coverage is not None and keys is not None:
            hops = self._decoder.coverage.W_f(outputs) @ keys.transpose(1, 2)
            state = replace(state, hops=hops, looks=Looks.none(barred))
        return state.select(order.argsort())

    @torch.no_grad()
    def step(
        self, token_ids: Int[Tensor, " B"], state: PreparedState
    ) -> tuple[Float[Tensor, "B V"], PreparedState]:
        """Logits of the next token after `token_ids`, and the state that follows."""
        decoder = self._decoder
        projected = self._target_table.index_select(0, token_ids)
        outputs, layers = projected, []
        for i, (cell, layer) in enumerate(zip(self._decoder_cells, state.layers, strict=True)):
            if i > 0:
                projected = cell.project(outputs)
            layers.append(cell.advance(projected, layer))
            h = layers[-1][0]
            outputs = outputs + h if decoder.residual and i > 0 else h
        read = linear(outputs, self._readers[-1], self._reader_bias)
        words = None
        weights, looks = self._look(outputs, state)
        if weights is not None and state.values is not None:
            found = (weights.to(outputs.dtype).unsqueeze(1) @ state.values).squeeze(1)
            read = read + found[:, : read.shape[1]]
            words = found[:, read.shape[1] :]
        num_features = decoder.W_c.out_features
        features = torch.tanh(read[:, :num_features])
        if decoder.lexical is not None and words is not None:
            features = features + words
        if (deep := decoder.deep_output) is not None:
            hidden = linear(features, deep.W_1.weight[:, :num_features]) + read[:, num_features:]
            features = deep.after(features, hidden)
        logits = self._network.logits(features)
        state = replace(state, layers=tuple(layers), looks=looks, attention_weights=weights)
        return logits, state

    def _look(
        self, outputs: Float[Tensor, "B H"], state: PreparedState
    ) -> tuple[Float[Tensor, "B S"] | None, Looks | None]:
        """The attention's weights, and where the first looks went after this step."""
        if state.keys is None:
            return None, None
        coverage, looks = self._decoder.coverage, state.looks
        scores = (state.keys @ outputs.unsqueeze(2)).squeeze(2).float() + state.barred
        weights = scores.softmax(dim=-1)
        if coverage is not None and looks is not None and state.hops is not None:
            first = weights.unsqueeze(1)
            more, looks = coverage(outputs.unsqueeze(1), first, looks)
            hop = first.to(outputs.dtype) @ state.hops
            weights = (scores + (more.float() + hop.float()).squeeze(1)).softmax(dim=-1)
        return weights, looks

    def _read(
        self, ids: Int[Tensor, "B S"], lengths: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, "B S H"], list[Float[Tensor, "B H"]]]:
        """The encoder's outputs, 0 on padding, and its last states; the longest row comes first."""
        num_rows = [int((lengths > t).sum()) for t in range(ids.shape[1])]
        projected = [table[ids] for table in self._source_tables]
        outputs = projected[0]
        final_states = []
        forwards = range(ids.shape[1])
        both_ways = (forwards, forwards[::-1])
        for i, cells in enumerate(self._encoder_cells):
            if i > 0:
                projected = [cell.project(outputs) for cell in cells]
            directions = [
                _run(cell, inputs, times, num_rows)
                for cell, inputs, times in zip(cells, projected, both_ways, strict=False)
            ]
            layer_outputs, final_state = (
                torch.cat(each, dim=-1) for each in zip(*directions, strict=True)
            )
            outputs = outputs + layer_outputs if self._encoder.residual and i > 0 else layer_outputs
            final_states.append(final_state)
        return outputs, final_states

    def _looked_at(self, ids: Tensor, outputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The keys and values of a `PreparedState`."""
        attention = self._decoder.attention
        if attention is None:
            return None, None
        keys = attention.keys(outputs) / math.sqrt(outputs.shape[-1])
        values = linear(outputs, self._readers[0])
        if self._lexical_table is not None:
            values = torch.cat([values, self._lexical_table[ids]], dim=-1)
        return keys, values


def ready_to_decode(
    network: Seq2Seq, *, device: torch.device, dtype: torch.dtype
) -> "Seq2Seq | PreparedSeq2Seq":
    """The network with all worked out that can be, where it runs on a CPU and its parts are known.

    Args:
        network: Trained.
        device: Where it is to run.
        dtype: Of the weights and products of what is prepared; all else stays as it is.
    """
    if device.type == "cpu" and can_be_prepared(network):
        return PreparedSeq2Seq(network, dtype)
    return network.to(device).eval()


def readers(decoder: Decoder) -> tuple[Float[Tensor, "R I"], Float[Tensor, " R"]]:
    """All that reads [c; h] for the next token, and its bias: W_c, and of a deep output W_1."""
    deep, W_c = decoder.deep_output, decoder.W_c
    if deep is None:
        return W_c.weight, W_c.bias
    weight = torch.cat([W_c.weight, deep.W_1.weight[:, W_c.out_features :]])
    return weight, torch.cat([W_c.bias, deep.W_1.bias])


def can_be_prepared(network: Seq2Seq) -> bool:
    """Whether `PreparedSeq2Seq` knows all its parts."""
    return unknown_part(network.config) is None


def unknown_part(config: ModelConfig) -> str | None:
    """The first key of the `model` section whose value `PreparedSeq2Seq` does not know."""
    return next(
        (key for key, known in KNOWN_PARTS.items() if getattr(config, key) not in known), None
    )


def _run(
    cell: SteppedCell, inputs: Float[Tensor, "B S G"], times: range, num_rows: list[int]
) -> tuple[Float[Tensor, "B S H"], Float[Tensor, "B H"]]:
    """Outputs and last state of one direction, over the rows that are as long as that alone."""
    outputs = inputs.new_zeros(*inputs.shape[:2], cell.hidden_size)
    state = cell.initial_state(outputs[:, 0])
    state = tuple(part.clone() for part in state)
    for t in times:
        rows = slice(num_rows[t])
        after = cell.advance(inputs[rows, t], tuple(part[rows] for part in state))
        for part, new in zip(state, after, strict=True):
            part[rows] = new
        outputs[rows, t] = after[0]
    return outputs, state[0]


def _stepped(cells: Iterable[nn.Module]) -> list[SteppedCell]:
    return [cell for cell in cells if isinstance(cell, SteppedCell)]


def _pick(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if tensor is None else tensor.index_select(0, rows)
