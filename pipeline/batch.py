"""Sentences of several lengths as one rectangular batch.

Shape letters, here and everywhere: B batch, S source length, T target length, E embedding,
H hidden, V vocabulary, L layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Int
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

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "Seq2SeqBatch":
        """The batch on another device."""
        moved = [
            getattr(self, field.name).to(device, non_blocking=non_blocking)
            for field in fields(self)
        ]
        return Seq2SeqBatch(*moved)


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


def _pad(rows: Sequence[Sequence[int]]) -> Int[Tensor, "B T"]:
    max_length = max(len(row) for row in rows)
    padded = torch.full((len(rows), max_length), PAD_ID, dtype=torch.long)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    return padded
