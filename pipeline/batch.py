"""Sentences of several lengths as one rectangular batch.

Shape letters, here and everywhere: B batch, S source length, T target length, E embedding,
H hidden, V vocabulary, L layers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.tokenizer import BOS_ID, EOS_ID, PAD_ID


@dataclass(frozen=True)
class Seq2SeqBatch:
    """Pairs of sentences, padded on the right.

    `decoder_input_ids` begins with BOS, `labels` is the same row one step on and ends with EOS.
    """

    source_ids: Int[Tensor, "B S"]
    source_lengths: Int[Tensor, " B"]
    decoder_input_ids: Int[Tensor, "B T"]
    labels: Int[Tensor, "B T"]

    @property
    def num_tokens(self) -> int:
        """Target tokens, EOS among them."""
        return int((self.labels != PAD_ID).sum())

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "Seq2SeqBatch":
        """The batch on another device."""
        return Seq2SeqBatch(*_moved(self, device, non_blocking))


@dataclass(frozen=True)
class LabelledBatch:
    """Sentences, padded on the right, and a label for each."""

    source_ids: Int[Tensor, "B S"]
    source_lengths: Int[Tensor, " B"]
    labels: Int[Tensor, " B"]

    @property
    def num_tokens(self) -> int:
        """Source tokens, without padding."""
        return int(self.source_lengths.sum())

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "LabelledBatch":
        """The batch on another device."""
        return LabelledBatch(*_moved(self, device, non_blocking))


@dataclass(frozen=True)
class SeriesBatch:
    """Windows of a series of numbers, all of one length."""

    values: Float[Tensor, "B T"]

    @property
    def num_tokens(self) -> int:
        """Values to forecast: all but the first of a window."""
        return self.values[:, 1:].numel()

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "SeriesBatch":
        """The batch on another device."""
        return SeriesBatch(*_moved(self, device, non_blocking))


Batch = Seq2SeqBatch | LabelledBatch | SeriesBatch
"""What a network can be trained on."""


def length_mask(lengths: Int[Tensor, " B"], max_length: int) -> Bool[Tensor, "B S"]:
    """True where a token is real, False where it is padding."""
    return torch.arange(max_length, device=lengths.device) < lengths.unsqueeze(1)


def collate_sources(sources: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Pad source sentences, each closed with EOS, so that none is empty.

    Returns:
        `source_ids` (B, S) and `source_lengths` (B).
    """
    rows = [[*ids, EOS_ID] for ids in sources]
    return _pad(rows), torch.tensor([len(row) for row in rows])


def collate(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Seq2SeqBatch:
    """Make a batch of pairs of ids that hold neither BOS nor EOS."""
    source_ids, source_lengths = collate_sources(sources)
    return Seq2SeqBatch(
        source_ids=source_ids,
        source_lengths=source_lengths,
        decoder_input_ids=_pad([[BOS_ID, *ids] for ids in targets]),
        labels=_pad([[*ids, EOS_ID] for ids in targets]),
    )


def collate_labelled(sources: Sequence[Sequence[int]], labels: Sequence[int]) -> LabelledBatch:
    """Make a batch of sentences of ids and their labels."""
    source_ids, source_lengths = collate_sources(sources)
    return LabelledBatch(source_ids, source_lengths, torch.tensor(labels))


def rows_by_length(sentences: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Rows that go well together, the longest first: what memory allows is seen at once."""
    longest_first = sorted(range(len(sentences)), key=lambda row: -len(sentences[row]))
    for start in range(0, len(sentences), batch_size):
        yield longest_first[start : start + batch_size]


def _moved(batch: Batch, device: torch.device, non_blocking: bool) -> list[Tensor]:
    return [
        getattr(batch, field.name).to(device, non_blocking=non_blocking) for field in fields(batch)
    ]


def _pad(rows: Sequence[Sequence[int]]) -> Int[Tensor, "B T"]:
    max_length = max(len(row) for row in rows)
    padded = torch.full((len(rows), max_length), PAD_ID, dtype=torch.long)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    return padded
