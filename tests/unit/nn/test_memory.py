from dataclasses import replace
from typing import get_args

import pytest
import torch

import pipeline.nn.seq2seq
from pipeline.batch import collate, collate_conversations, collate_sources
from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.decoder import DecoderState
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import BOS_ID, TURN_ID

CONVERSATIONS = [
    [[5, 6], [7, 8, 9], [10], [11, 12, 13, 14], [6, 5]],
    [[9], [5, 5, 5]],
    [[14, 13], [12], [11, 10, 9]],
]
cells = pytest.mark.parametrize("cell", get_args(CellName))


def build(cell: CellName = "gru", *, num_layers: int = 1, lexical: bool = False) -> Seq2Seq:
    torch.manual_seed(4)
    config = ModelConfig(
        cell=cell,
        embedding_dim=6,
        hidden_size=8,
        num_layers=num_layers,
        dropout=0.3,
        memory="recurrent",
        lexical=lexical,
    )
    model = Seq2Seq(config, source_vocab_size=16, target_vocab_size=16, joint_vocabulary=True)
    return model.double().eval()


def joined(turns: list[list[int]]) -> list[int]:
    ids: list[int] = []
    for turn in turns:
        ids += [TURN_ID, *turn]
    return ids[1:]


def contexts(turns: list[list[int]]) -> list[list[int]]:
    return [joined(turns[: i + 1]) for i in range(len(turns) - 1)]


def encode(model: Seq2Seq, *sources: list[int], before: DecoderState | None = None) -> DecoderState:
    return model.encode(*collate_sources(sources), None if before is None else before.memory)


@cells
@pytest.mark.parametrize("part_rows", [1, 3, 64])
@pytest.mark.parametrize("lexical", [False, True])
def test_whole_conversations_cost_what_their_pairs_cost(
    cell: CellName, part_rows: int, lexical: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.nn.seq2seq, "_PART_ROWS", part_rows)
    model = build(cell, num_layers=2, lexical=lexical)
    whole = model.loss(collate_conversations([[turns] for turns in CONVERSATIONS]))
    pairs = [
        model.loss(collate([context], [answer]))
        for turns in CONVERSATIONS
        for context, answer in zip(contexts(turns), turns[1:], strict=True)
    ]
    assert whole.num_predictions == sum(pair.num_predictions for pair in pairs)
    assert float(whole.nats_sum) == pytest.approx(sum(float(pair.nats_sum) for pair in pairs))


@pytest.mark.parametrize("part_rows", [1, 64])
def test_a_chain_costs_what_its_answers_cost_after_all_that_was_heard(
    part_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.nn.seq2seq, "_PART_ROWS", part_rows)
    model = build()
    (one, two), (three, four) = CONVERSATIONS[0][:2], CONVERSATIONS[1][:2]
    whole = model.loss(collate_conversations([[[one, two], [three, four]]]))
    first = model.loss(collate([one], [two]))
    second = model.loss(collate([joined([one, two, three])], [four]))
    assert whole.num_predictions == first.num_predictions + second.num_predictions
    assert float(whole.nats_sum) == pytest.approx(float(first.nats_sum + second.nats_sum))


def test_contexts_of_several_lengths_in_one_batch_cost_what_they_cost_alone() -> None:
    model = build()
    rows = [
        (context, answer)
        for turns in CONVERSATIONS
        for context, answer in zip(contexts(turns), turns[1:], strict=True)
    ]
    together = model.loss(collate([row[0] for row in rows], [row[1] for row in rows]))
    alone = sum(float(model.loss(collate([one], [other])).nats_sum) for one, other in rows)
    assert float(together.nats_sum) == pytest.approx(alone)


@cells
def test_turn_by_turn_is_as_all_at_once(cell: CellName) -> None:
    model = build(cell)
    turns = CONVERSATIONS[0]
    state: DecoderState | None = None
    for turn in turns:
        state = encode(model, turn, before=state)
    assert state is not None
    whole = encode(model, joined(turns))
    for part, expected in zip(state.layers, whole.layers, strict=True):
        torch.testing.assert_close(part, expected)
    (keys,), (whole_keys,) = state.keys, whole.keys
    num_places = keys.shape[1]
    torch.testing.assert_close(keys, whole_keys[:, :num_places])
    assert torch.equal(state.source_mask, whole.source_mask[:, :num_places])
    assert not whole.source_mask[:, num_places:].any()


def test_the_order_of_the_rows_does_not_count() -> None:
    model = build()
    assert model.memory is not None
    ids, lengths = collate_sources([turn for turns in CONVERSATIONS for turn in turns])
    turns = torch.tensor([[0, 1, 2, 3, 4], [5, 6, -1, -1, -1], [7, 8, 9, -1, -1]])
    order = torch.tensor([4, 9, 0, 7, 2, 6, 5, 1, 8, 3])  # of the rows, shuffled
    places = torch.where(turns >= 0, order.argsort()[turns.clamp_min(0)], -1)
    expected, shuffled = (
        model.memory(model.encoder(*rows), model.encoder.embedding(rows[0]), each)
        for rows, each in (((ids, lengths), turns), ((ids[order], lengths[order]), places))
    )
    torch.testing.assert_close(shuffled.layer, expected.select(order).layer)
    torch.testing.assert_close(shuffled.slots, expected.select(order).slots)


def test_several_turns_at_once_go_on_from_the_memory() -> None:
    model = build()
    turns = CONVERSATIONS[0]
    state = encode(model, joined(turns[3:]), before=encode(model, joined(turns[:3])))
    torch.testing.assert_close(state.layers, encode(model, joined(turns)).layers)


def test_the_first_turn_is_felt_in_the_last_reply_and_not_before_it() -> None:
    model = build()
    turns = CONVERSATIONS[0]
    other = [[13], *turns[1:]]
    told, unlike = (encode(model, joined(each)) for each in (turns, other))
    assert not torch.allclose(told.layers[0][0], unlike.layers[0][0], atol=1e-6)
    later = [*turns[:-1], [13]]
    assert torch.equal(
        encode(model, joined(turns[:-1])).layers[0][0],
        encode(model, joined(later[:-1])).layers[0][0],
    )


def test_the_memory_takes_no_more_room_for_a_longer_conversation() -> None:
    model = build()
    state = encode(model, [5, 6])
    sizes = []
    for _ in range(3):
        state = encode(model, [7, 8], before=state)
        assert state.memory is not None
        sizes.append([part.shape for part in (*state.memory.layer, state.memory.slots)])
        assert state.keys[0].shape[1] == 1 + 2 + 1  # the memory, the turn, EOS
    assert sizes[0] == sizes[1] == sizes[2]


def test_selected_rows_keep_their_memory() -> None:
    model = build()
    state = encode(model, [5, 6], [7])
    swapped = state.select(torch.tensor([1, 0, 1]))
    assert state.memory is not None
    assert swapped.memory is not None
    rows = [1, 0, 1]
    torch.testing.assert_close(swapped.memory.layer[0], state.memory.layer[0][rows])
    torch.testing.assert_close(swapped.memory.slots, state.memory.slots[rows])


def test_a_step_keeps_the_memory() -> None:
    model = build()
    state = encode(model, [5, 6])
    _, after = model.step(torch.tensor([2]), state)
    assert after.memory is state.memory


@pytest.mark.parametrize("part", ["layer", "slots"])
def test_gradients_reach_the_first_turn_through_the_memory(part: str) -> None:
    model = build()
    assert model.memory is not None
    turns = torch.tensor([[0, 1, 2]])
    ids, lengths = collate_sources(CONVERSATIONS[0][:3])
    words = model.encoder.embedding(ids).detach().requires_grad_()
    memory = model.memory(model.encoder(ids, lengths), words, turns)
    states = memory.layer[0] if part == "layer" else memory.slots
    if part == "layer":
        words = model.encoder.embedding.weight
    for row, reached in ((2, [5, 7, 10]), (0, [5])):
        (gradient,) = torch.autograd.grad(states[row].sum(), [words], retain_graph=True)
        if part == "layer":
            assert gradient.abs().sum(dim=1)[reached].min() > 0
            assert gradient[[9, 10]].abs().sum().bool() == (row == 2)
        else:
            assert (gradient.abs().sum(dim=(1, 2)) > 0).tolist() == [
                turn <= row for turn in range(3)
            ]


def test_a_word_is_kept_in_the_slots_and_makes_itself_likelier() -> None:
    model = build()
    told = encode(model, [5, 5, 5, 5])
    others = encode(model, [9, 9, 9, 9])
    for _ in range(3):
        told, others = (encode(model, [7, 8], before=state) for state in (told, others))
    assert told.memory is not None
    assert others.memory is not None
    with_words = replace(others, memory=replace(others.memory, slots=told.memory.slots))
    bos = torch.tensor([BOS_ID])
    changed = model.step(bos, with_words)[0] - model.step(bos, others)[0]
    assert changed[0, 5] > 0
    assert changed[0, 9] < 0
