"""Sentences of several lengths as one rectangular batch.

Shape letters, here and everywhere: B batch, S source length, T target length, E embedding,
H hidden, V vocabulary, L layers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.ragged import Ragged, Rows
from pipeline.tokenizer import PAD_ID, TURN_ID


@dataclass(frozen=True)
class SoftLabels:
    """For each label a distribution in place of one piece: its most probable pieces.

    Attributes:
        ids: The pieces.
        probs: Their probabilities, 1 in all; 0 where there is no label.
        share: How much of what is to be learnt they are; the rest is the label.
    """

    ids: Int[Tensor, "*rows K"]
    probs: Float[Tensor, "*rows K"]
    share: float

    def of(self, rows: slice | Tensor | tuple[Tensor, slice]) -> "SoftLabels":
        """Those of some of the labels."""
        return replace(self, ids=self.ids[rows], probs=self.probs[rows])

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "SoftLabels":
        """The same on another device."""
        ids, probs = (x.to(device, non_blocking=non_blocking) for x in (self.ids, self.probs))
        return replace(self, ids=ids, probs=probs)


@dataclass(frozen=True)
class Seq2SeqBatch:
    """Pairs of sentences, padded on the right.

    `decoder_input_ids` begins with BOS, `labels` is the same row one step on and ends with EOS.
    `soft_labels` is what teachers would say at each label; None without teachers.
    """

    source_ids: Int[Tensor, "B S"]
    source_lengths: Int[Tensor, " B"]
    decoder_input_ids: Int[Tensor, "B T"]
    labels: Int[Tensor, "B T"]
    soft_labels: SoftLabels | None = None

    @property
    def num_tokens(self) -> int:
        """Target tokens, EOS among them."""
        return int((self.labels != PAD_ID).sum())

    @property
    def target_lengths(self) -> Int[Tensor, " B"]:
        """Target tokens of each row, EOS among them."""
        return (self.labels != PAD_ID).sum(dim=1)

    def select(self, rows: Int[Tensor, " N"]) -> "Seq2SeqBatch":
        """These rows, in this order, without the padding that none of them needs."""
        source_lengths = self.source_lengths[rows]
        max_source, max_target = int(source_lengths.max()), int(self.target_lengths[rows].max())
        soft = self.soft_labels
        return Seq2SeqBatch(
            source_ids=self.source_ids[rows, :max_source],
            source_lengths=source_lengths,
            decoder_input_ids=self.decoder_input_ids[rows, :max_target],
            labels=self.labels[rows, :max_target],
            soft_labels=soft and soft.of((rows, slice(max_target))),
        )

    def repeated(self, times: int) -> "Seq2SeqBatch":
        """All rows, so many times below each other."""
        return self.select(torch.arange(len(self.source_lengths)).repeat(times))

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "Seq2SeqBatch":
        """The batch on another device."""
        return Seq2SeqBatch(*_moved(self, device, non_blocking))


@dataclass(frozen=True)
class ConversationBatch:
    """Whole conversations: each turn, and its answer, as a pair.

    Attributes:
        pairs: Of all conversations, in any order. A turn that is heard and not answered has PAD
            alone for labels.
        turns: For each of D conversations the rows of its pairs in the order of time; -1 on the
            right where a conversation has fewer than U.
    """

    pairs: Seq2SeqBatch
    turns: Int[Tensor, "D U"]

    @property
    def num_tokens(self) -> int:
        """Target tokens, EOS among them."""
        return self.pairs.num_tokens

    def to(self, device: torch.device, *, non_blocking: bool = False) -> "ConversationBatch":
        """The batch on another device."""
        pairs = self.pairs.to(device, non_blocking=non_blocking)
        return ConversationBatch(pairs, self.turns.to(device, non_blocking=non_blocking))


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


Batch = Seq2SeqBatch | ConversationBatch | LabelledBatch | SeriesBatch
"""What a network can be trained on."""


def length_mask(lengths: Int[Tensor, " B"], max_length: int) -> Bool[Tensor, "B S"]:
    """True where a token is real, False where it is padding."""
    return torch.arange(max_length, device=lengths.device) < lengths.unsqueeze(1)


def collate_sources(sources: Rows) -> tuple[Tensor, Tensor]:
    """Pad source sentences, each closed with EOS, so that none is empty.

    Returns:
        `source_ids` (B, S) and `source_lengths` (B).
    """
    rows = Ragged.of(sources)
    return torch.from_numpy(rows.before_eos()), torch.from_numpy(rows.lengths + 1)


def collate(sources: Rows, targets: Rows) -> Seq2SeqBatch:
    """Make a batch of pairs of ids that hold neither BOS nor EOS."""
    source_ids, source_lengths = collate_sources(sources)
    rows = Ragged.of(targets)
    return Seq2SeqBatch(
        source_ids=source_ids,
        source_lengths=source_lengths,
        decoder_input_ids=torch.from_numpy(rows.after_bos()),
        labels=torch.from_numpy(rows.before_eos()),
    )


def collate_conversations(
    chains: Sequence[Sequence[Sequence[Sequence[int]]]],
) -> ConversationBatch:
    """Make a batch of chains of conversations, a conversation being two turns of ids or more.

    Each turn is answered by the next one; the last is only an answer. In a chain a conversation
    is heard by those after it, but its last turn is not answered by their first.
    """
    turns: list[Sequence[int]] = []
    answers: list[Sequence[int] | None] = []
    counts = []
    for chain in chains:
        turns += [turn for conversation in chain for turn in conversation][:-1]
        answers += [turn for conversation in chain for turn in (*conversation[1:], None)][:-1]
        counts.append(sum(map(len, chain)) - 1)
    pairs = collate(turns, [answer or [] for answer in answers])
    pairs.labels[[row for row, answer in enumerate(answers) if answer is None]] = PAD_ID
    return ConversationBatch(pairs, _consecutive(counts))


def turns_of(ids: Sequence[int]) -> list[list[int]]:
    """The turns of a context of ids, between which the turn symbol stands."""
    turns: list[list[int]] = [[]]
    for token_id in ids:
        if token_id == TURN_ID:
            turns.append([])
        else:
            turns[-1].append(token_id)
    return turns


def split_turns(
    source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
) -> tuple[list[list[int]], Int[Tensor, "B U"]]:
    """Take contexts apart: rows of turns with the turn symbol between them, closed with EOS.

    Returns:
        All turns as ids, and for each row those that are its own, in order; -1 on the right.
    """
    turns: list[list[int]] = []
    num_turns = []
    for ids, length in zip(source_ids.tolist(), source_lengths.tolist(), strict=True):
        own = turns_of(ids[: length - 1])
        num_turns.append(len(own))
        turns += own
    return turns, _consecutive(num_turns).to(source_ids.device)


def collate_labelled(sources: Rows, labels: Sequence[int]) -> LabelledBatch:
    """Make a batch of sentences of ids and their labels."""
    return LabelledBatch(*collate_sources(sources), torch.tensor(labels))


def rows_by_length(sentences: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Rows that go well together, the longest first: what memory allows is seen at once."""
    longest_first = sorted(range(len(sentences)), key=lambda row: -len(sentences[row]))
    for start in range(0, len(sentences), batch_size):
        yield longest_first[start : start + batch_size]


def _consecutive(counts: Sequence[int]) -> Int[Tensor, "D U"]:
    """0, 1, 2, … in rows of so many, -1 on the right."""
    rows = torch.arange(sum(counts)).split(list(counts))
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=-1)


def _moved(
    batch: Seq2SeqBatch | LabelledBatch | SeriesBatch, device: torch.device, non_blocking: bool
) -> list[Any]:
    values = [getattr(batch, field.name) for field in fields(batch)]
    return [
        None if value is None else value.to(device, non_blocking=non_blocking) for value in values
    ]
