import itertools

import datasets
import pytest

from pipeline.data.by_step import Position
from pipeline.data.config import DataConfig
from pipeline.data.conversations import (
    TrainingConversations,
    ValidationConversations,
    encode_conversations,
)
from pipeline.tokenizer import PAD_ID, Tokenizer

DIALOGUES = [
    ["A man is", "riding.", "Where?"],
    ["the dog", "", "runs  over"],
    ["alone"],
    ["A man is", "riding.", "Where?"],
    ["one", "two", "The little dog runs over the green grass. " * 3, "three"],
    ["The little dog runs over the green grass. " * 3, "three", "four"],
    ["water", "안녕하세요", "today!", "red shirt"],
]
CONFIG = DataConfig(path="made.jsonl", dialogue="turns", max_tokens=40, batch_tokens=20)


@pytest.fixture
def encoded(tiny_tokenizer: Tokenizer) -> datasets.Dataset:
    rows = datasets.Dataset.from_dict({"turns": DIALOGUES})
    return encode_conversations(rows, tiny_tokenizer, CONFIG)


def texts(encoded: datasets.Dataset, tokenizer: Tokenizer) -> list[list[str]]:
    return [[tokenizer.decode(ids) for ids in turns] for turns in encoded["turns"]]


def test_turns_are_clean_and_conversations_end_before_a_turn_too_long(
    encoded: datasets.Dataset, tiny_tokenizer: Tokenizer
) -> None:
    assert texts(encoded, tiny_tokenizer) == [
        ["A man is", "riding.", "Where?"],
        ["the dog", "runs over"],
        ["one", "two"],
        ["water", "안녕하세요", "today!", "red shirt"],
    ]
    assert encoded["num_tokens"][:] == [sum(map(len, turns)) for turns in encoded["turns"]]


def test_an_epoch_holds_every_pair_once(encoded: datasets.Dataset) -> None:
    batches = TrainingConversations(encoded, batch_tokens=20, seed=1, position=Position())
    num_batches = batches._batches.num_batches
    assert num_batches > 1
    for epoch in range(2):
        rows = [batches.batch(epoch * num_batches + i) for i in range(num_batches)]
        found = sorted(
            [*filter(None, ids)]
            for batch in rows
            for ids in batch.pairs.labels.masked_fill(batch.pairs.labels == PAD_ID, 0).tolist()
        )
        assert found == sorted([*turn, 3] for turns in encoded["turns"] for turn in turns[1:])


def test_a_batch_is_a_function_of_seed_and_index(encoded: datasets.Dataset) -> None:
    one, other = (
        TrainingConversations(encoded, batch_tokens=20, seed=3, position=Position())
        for _ in range(2)
    )
    assert one.batch(5).pairs.labels.tolist() == other.batch(5).pairs.labels.tolist()


def test_validation_holds_every_conversation_in_order(encoded: datasets.Dataset) -> None:
    batches = list(ValidationConversations(encoded, batch_tokens=20))
    assert len(batches) > 1
    answers = [
        [token_id for token_id in ids if token_id != PAD_ID][:-1]
        for batch in batches
        for ids in batch.pairs.labels.tolist()
    ]
    assert answers == [turn for turns in encoded["turns"] for turn in turns[1:]]


def test_pairs_are_chained_anew_each_time_and_only_their_replies_are_learnt() -> None:
    pairs = [[[10 + n], [50 + n]] for n in range(30)]
    talk = [[[90], [91], [92]], [[93], [94], [95], [96]]]
    rows = {"turns": pairs + talk, "num_tokens": [2] * 30 + [3, 4]}
    batches = TrainingConversations(
        datasets.Dataset.from_dict(rows), batch_tokens=10_000, seed=1, position=Position()
    )
    lengths = []
    for index in range(10):
        batch = batches.batch(index)
        answers = {
            int(source[0]): int(label[0])
            for source, label in zip(batch.pairs.source_ids, batch.pairs.labels, strict=True)
            if label[0] != PAD_ID
        }
        assert answers == {
            **{10 + n: 50 + n for n in range(30)},
            **{90: 91, 91: 92, 93: 94, 94: 95, 95: 96},
        }
        lengths += (batch.turns >= 0).sum(dim=1).tolist()
    # One, two, three or four pairs, but for the last of a batch; and the two conversations.
    assert set(lengths) == {1, 3, 5, 7, 2}


def test_chains_are_drawn_by_the_seed_and_the_index_and_mix_lengths() -> None:
    # Of lengths so different that a batch has them in their order, in every epoch.
    pairs = [[[10] * (1 + 20 * n), [50]] for n in range(30)]
    rows = {"turns": pairs, "num_tokens": [sum(map(len, turns)) for turns in pairs]}

    def chains(seed: int, index: int) -> list[list[int]]:
        batches = TrainingConversations(
            datasets.Dataset.from_dict(rows), batch_tokens=10**6, seed=seed, position=Position()
        )
        batch = batches.batch(index)
        lengths = batch.pairs.source_lengths
        return [lengths[chain[chain >= 0]].tolist()[::2] for chain in batch.turns]

    assert chains(1, 4) == chains(1, 4)
    assert chains(1, 4) != chains(1, 5)
    assert chains(1, 4) != chains(2, 4)
    steps = [b - a for chain in chains(1, 4) for a, b in itertools.pairwise(chain)]
    assert min(steps) < 0 < max(steps)
    assert {abs(step) for step in steps} != {20}
