from dataclasses import fields, replace

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pipeline.batch import (
    LabelledBatch,
    Seq2SeqBatch,
    SeriesBatch,
    SoftLabels,
    collate,
    collate_conversations,
    collate_labelled,
    collate_sources,
    length_mask,
    split_turns,
)
from pipeline.ragged import Ragged
from pipeline.tokenizer import BOS_ID, EOS_ID, PAD_ID, TURN_ID

CPU = torch.device("cpu")
sentences = st.lists(st.lists(st.integers(4, 99), max_size=6), min_size=1, max_size=5)


def test_a_batch_by_hand() -> None:
    batch = collate([[7, 8], []], [[9], [5, 6, 4]])
    assert batch.source_ids.tolist() == [[7, 8, EOS_ID], [EOS_ID, PAD_ID, PAD_ID]]
    assert batch.source_lengths.tolist() == [3, 1]
    assert batch.decoder_input_ids.tolist() == [[BOS_ID, 9, PAD_ID, PAD_ID], [BOS_ID, 5, 6, 4]]
    assert batch.labels.tolist() == [[9, EOS_ID, PAD_ID, PAD_ID], [5, 6, 4, EOS_ID]]


def test_a_batch_with_labels_by_hand() -> None:
    batch = collate_labelled([[7, 8], []], [4, 0])
    assert batch.source_ids.tolist() == [[7, 8, EOS_ID], [EOS_ID, PAD_ID, PAD_ID]]
    assert batch.source_lengths.tolist() == [3, 1]
    assert batch.labels.tolist() == [4, 0]


@given(sentences)
def test_rows_one_after_the_other_make_the_same_batch(rows: list[list[int]]) -> None:
    assert_same(collate(Ragged.of(rows), Ragged.of(rows)), collate(rows, rows))
    ids = Ragged.of(rows).ids
    assert ids.tolist() == [token_id for row in rows for token_id in row]


def test_tokens_are_those_that_a_network_learns_from() -> None:
    assert collate([[7, 8, 9, 9], []], [[9], [5, 6, 4]]).num_tokens == 2 + 4  # EOS, no padding
    assert collate_labelled([[7, 8], []], [4, 0]).num_tokens == 3 + 1
    assert SeriesBatch(torch.arange(12.0).reshape(3, 4)).num_tokens == 3 * 3
    assert SeriesBatch(torch.zeros(3, 1)).num_tokens == 0


@given(sentences)
def test_the_mask_gives_the_sentences_back(sources: list[list[int]]) -> None:
    source_ids, source_lengths = collate_sources(sources)
    source_mask = length_mask(source_lengths, source_ids.shape[1])
    rows = [ids[mask].tolist() for ids, mask in zip(source_ids, source_mask, strict=True)]
    assert rows == [[*ids, EOS_ID] for ids in sources]
    assert (source_ids[~source_mask] == PAD_ID).all()


@given(sentences)
def test_labels_are_the_decoder_input_one_step_on(targets: list[list[int]]) -> None:
    batch = collate(targets, targets)
    is_real = batch.labels != PAD_ID
    assert batch.decoder_input_ids[:, 0].tolist() == [BOS_ID] * len(targets)
    goes_on = batch.decoder_input_ids[:, 1:] != PAD_ID
    assert torch.equal(batch.decoder_input_ids[:, 1:][goes_on], batch.labels[:, :-1][goes_on])
    assert torch.equal(is_real[:, 1:], goes_on)


def test_a_moved_batch_is_the_same() -> None:
    batch = collate([[7, 8]], [[9]])
    moved = batch.to(torch.device("cpu"))
    assert torch.equal(moved.source_ids, batch.source_ids)
    assert torch.equal(moved.source_lengths, batch.source_lengths)
    assert torch.equal(moved.decoder_input_ids, batch.decoder_input_ids)
    assert torch.equal(moved.labels, batch.labels)


def test_a_moved_batch_with_labels_is_the_same() -> None:
    batch = collate_labelled([[7, 8], [5]], [1, 0])
    moved = batch.to(torch.device("cpu"))
    assert isinstance(moved, LabelledBatch)
    assert torch.equal(moved.source_ids, batch.source_ids)
    assert torch.equal(moved.source_lengths, batch.source_lengths)
    assert torch.equal(moved.labels, batch.labels)


def test_a_moved_series_is_the_same() -> None:
    batch = SeriesBatch(torch.tensor([[1.5, -2.0]]))
    moved = batch.to(torch.device("cpu"), non_blocking=True)
    assert isinstance(moved, SeriesBatch)
    assert torch.equal(moved.values, batch.values)


def test_every_tensor_of_a_batch_is_moved() -> None:
    meta = torch.device("meta")
    pairs = collate([[7, 8]], [[9]]).to(meta)
    assert {pairs.source_ids.device, pairs.source_lengths.device} == {meta}
    assert {pairs.decoder_input_ids.device, pairs.labels.device} == {meta}
    labelled = collate_labelled([[7, 8]], [1]).to(meta)
    assert {labelled.source_ids.device, labelled.source_lengths.device} == {meta}
    assert labelled.labels.device == meta
    assert SeriesBatch(torch.zeros(1, 2)).to(meta).values.device == meta


def test_conversations_become_pairs_that_know_their_order() -> None:
    batch = collate_conversations([[[[5], [6, 7], [8]]], [[[9, 9], [10]]]])
    assert batch.pairs.source_ids.tolist() == [[5, EOS_ID, PAD_ID], [6, 7, EOS_ID], [9, 9, EOS_ID]]
    assert batch.pairs.labels.tolist() == [
        [6, 7, EOS_ID],
        [8, EOS_ID, PAD_ID],
        [10, EOS_ID, PAD_ID],
    ]
    assert batch.turns.tolist() == [[0, 1], [2, -1]]
    assert batch.num_tokens == 7
    assert batch.pairs.target_lengths.tolist() == [3, 2, 2]


def test_in_a_chain_a_conversation_is_heard_and_not_answered() -> None:
    batch = collate_conversations([[[[5], [6]], [[7], [8]], [[9], [10]]], [[[11], [12]]]])
    assert batch.pairs.source_ids[:, 0].tolist() == [5, 6, 7, 8, 9, 11]
    nothing = [PAD_ID, PAD_ID]
    assert batch.pairs.labels.tolist() == [
        [6, EOS_ID],
        nothing,
        [8, EOS_ID],
        nothing,
        [10, EOS_ID],
        [12, EOS_ID],
    ]
    assert batch.turns.tolist() == [[0, 1, 2, 3, 4], [5, -1, -1, -1, -1]]
    assert batch.num_tokens == 8


def test_selected_pairs_lose_the_padding_that_they_do_not_need() -> None:
    pairs = collate([[5], [6, 7, 8], [9]], [[4, 4], [5], [6]])
    assert_same(pairs.select(torch.tensor([2, 0])), collate([[9], [5]], [[6], [4, 4]]))


def test_contexts_are_taken_apart_at_the_turn_symbol() -> None:
    source_ids, lengths = collate_sources([[5, TURN_ID, 6, 7, TURN_ID, 8], [], [9]])
    turns, index = split_turns(source_ids, lengths)
    assert turns == [[5], [6, 7], [8], [], [9]]
    assert index.tolist() == [[0, 1, 2], [3, -1, -1], [4, -1, -1]]


def test_soft_labels_go_with_their_pairs() -> None:
    ids = torch.arange(18).view(3, 3, 2)
    soft = SoftLabels(ids, ids.float() / 100, share=0.5)
    pairs = collate([[5], [6, 7, 8], [9]], [[4, 4], [5], [6]])
    for moved in (replace(pairs, soft_labels=soft), replace(pairs, soft_labels=soft).to(CPU)):
        selected = moved.select(torch.tensor([2, 1])).soft_labels  # their targets are shorter
        assert selected is not None
        assert torch.equal(selected.ids, ids[[2, 1], :2])
        assert torch.equal(selected.probs, ids[[2, 1], :2] / 100)
        assert selected.share == 0.5


def assert_same(one: Seq2SeqBatch, other: Seq2SeqBatch) -> None:
    for field in fields(Seq2SeqBatch):
        value, expected = getattr(one, field.name), getattr(other, field.name)
        assert torch.equal(value, expected) if isinstance(value, Tensor) else value is expected
