"""The encoder: source ids to one vector a token, and the hidden state that sums them up."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pipeline.batch import length_mask
from pipeline.nn.cells import Cell
from pipeline.nn.config import ModelConfig
from pipeline.nn.dropout import Dropout, EmbeddingDropout, WordDropout
from pipeline.nn.embedding import Embedding, OneHot
from pipeline.nn.initialization import build_cell


class EncoderOutput(NamedTuple):
    """What the decoder gets of the source.

    Attributes:
        outputs: The top layer's output at each source token.
        final_states: For each layer its last hidden state, the directions side by side.
        source_mask: True where a source token is real.
        words: The embedding of each source token, where the decoder has a `LexicalPath`.
    """

    outputs: Float[Tensor, "B S H"]
    final_states: tuple[Float[Tensor, "B H"], ...]
    source_mask: Bool[Tensor, "B S"]
    words: Float[Tensor, "B S D"] | None = None

    def select(self, rows: Int[Tensor, " N"]) -> "EncoderOutput":
        """Those of these rows, in this order, without the padding that none of them needs."""
        source_mask = self.source_mask[rows]
        max_length = int(source_mask.sum(dim=1).max())
        return EncoderOutput(
            self.outputs[rows, :max_length],
            tuple(final_state[rows] for final_state in self.final_states),
            source_mask[:, :max_length],
            None if self.words is None else self.words[rows, :max_length],
        )


class RecurrentLayers(nn.Module):
    """A stack of recurrent layers over vectors, whatever they stand for."""

    def __init__(self, config: ModelConfig, input_size: int) -> None:
        super().__init__()
        self.residual = config.residual
        self.dropout = Dropout(config.dropout, variational=config.variational_dropout)
        sizes = [input_size] + [config.hidden_size] * (config.num_layers - 1)
        self.layers = nn.ModuleList(EncoderLayer(config, size) for size in sizes)

    @property
    def cells(self) -> list[list[Cell]]:
        """Of each layer; one that reads both ways has the cell from right to left second."""
        return [layer.cells for layer in self.layers if isinstance(layer, EncoderLayer)]

    def read(
        self, inputs: Float[Tensor, "B S I"], source_lengths: Int[Tensor, " B"]
    ) -> EncoderOutput:
        """Run over a padded batch; a row gives the same numbers alone and in company."""
        source_mask = length_mask(source_lengths, inputs.shape[1])
        reversal = reversal_index(source_mask, source_lengths)
        outputs = inputs
        final_states = []
        for i, layer in enumerate(self.layers):
            layer_outputs, final_state = layer(self.dropout(outputs), source_lengths, reversal)
            outputs = outputs + layer_outputs if self.residual and i > 0 else layer_outputs
            final_states.append(final_state)
        return EncoderOutput(self.dropout(outputs), tuple(final_states), source_mask)


class Encoder(RecurrentLayers):
    """Recurrent layers over the source embeddings."""

    def __init__(self, config: ModelConfig, embedding: Embedding | OneHot) -> None:
        super().__init__(config, embedding.embedding_dim)
        self.embedding = embedding
        self.embedding_dropout = EmbeddingDropout(config.embedding_dropout)
        self.word_dropout = WordDropout(config.word_dropout)
        self.keeps_words = config.lexical

    def forward(
        self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
    ) -> EncoderOutput:
        """Encode a padded batch of sentences."""
        words = self.embedding_dropout(self.embedding(source_ids), source_ids)
        words = self.word_dropout(words)
        encoded = self.read(words, source_lengths)
        return encoded._replace(words=self.dropout(words)) if self.keeps_words else encoded

    def in_parts(
        self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"], *, rows: int
    ) -> EncoderOutput:
        """Encode sentences of very different lengths: `rows` of about one length at a time."""
        order = source_lengths.argsort()
        parts = []
        for part in order.split(rows):
            lengths = source_lengths[part]
            parts.append(self(source_ids[part, : int(lengths.max())], lengths))
        back = order.argsort()

        def joined(vectors: list[Tensor]) -> Tensor:
            num_lacking = [source_ids.shape[1] - part.shape[1] for part in vectors]
            padded = [
                nn.functional.pad(part, (0, 0, 0, num))
                for part, num in zip(vectors, num_lacking, strict=True)
            ]
            return torch.cat(padded)[back]

        words = [part.words for part in parts if part.words is not None]
        return EncoderOutput(
            joined([part.outputs for part in parts]),
            tuple(
                torch.cat(layer)[back]
                for layer in zip(*(part.final_states for part in parts), strict=True)
            ),
            length_mask(source_lengths, source_ids.shape[1]),
            joined(words) if words else None,
        )


class EncoderLayer(nn.Module):
    """One recurrent layer, in one direction or in both with half of the hidden size each.

    Batches are padded, not packed: torch's padded kernels are faster, and they can be exported.
    So the reverse direction runs on rows reversed within their own length, and the final state is
    taken at each row's own last token, untouched by padding.
    """

    def __init__(self, config: ModelConfig, input_size: int) -> None:
        super().__init__()
        num_directions = 2 if config.bidirectional else 1
        hidden_size = config.hidden_size // num_directions
        self.forward_cell = build_cell(config, input_size, hidden_size)
        self.backward_cell = (
            build_cell(config, input_size, hidden_size) if config.bidirectional else None
        )

    @property
    def cells(self) -> list[Cell]:
        """From left to right, and from right to left if it reads both ways."""
        cells = (self.forward_cell, self.backward_cell)
        return [cell for cell in cells if cell is not None]

    def forward(
        self,
        inputs: Float[Tensor, "B S I"],
        source_lengths: Int[Tensor, " B"],
        reversal: Int[Tensor, "B S"],
    ) -> tuple[Float[Tensor, "B S H"], Float[Tensor, "B H"]]:
        """Outputs at every token, and the hidden state after the last one."""
        outputs, final_state = _run(self.forward_cell, inputs, source_lengths)
        if self.backward_cell is None:
            return outputs, final_state
        reversed_outputs, backward_state = _run(
            self.backward_cell, _reorder(inputs, reversal), source_lengths
        )
        outputs = torch.cat([outputs, _reorder(reversed_outputs, reversal)], dim=-1)
        return outputs, torch.cat([final_state, backward_state], dim=-1)


def reversal_index(
    source_mask: Bool[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
) -> Int[Tensor, "B S"]:
    """Where each position goes when a row is reversed within its length; padding stays put."""
    positions = torch.arange(source_mask.shape[1], device=source_mask.device)
    return torch.where(source_mask, source_lengths.unsqueeze(1) - 1 - positions, positions)


def _run(cell: Cell, inputs: Tensor, source_lengths: Tensor) -> tuple[Tensor, Tensor]:
    outputs, _ = cell(inputs, cell.initial_state(inputs))
    rows = torch.arange(outputs.shape[0], device=outputs.device)
    return outputs, outputs[rows, source_lengths - 1]


def _reorder(vectors: Tensor, index: Tensor) -> Tensor:
    # By whole vectors: to gather along the tokens would look up each unit by itself.
    num_rows, num_tokens, _ = vectors.shape
    starts = torch.arange(num_rows, device=index.device).unsqueeze(1) * num_tokens
    picked = vectors.flatten(0, 1).index_select(0, (starts + index).flatten())
    return picked.view_as(vectors)
