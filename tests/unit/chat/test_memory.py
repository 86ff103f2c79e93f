"""A session with a model that remembers: it reads each turn once, and nothing else changes."""

import json
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.chat import ChatSession, ChatSettings
from pipeline.context import encode_contexts, join_turns
from pipeline.decoding import LengthLimit, greedy_search
from pipeline.model_folder import TrainedModel
from pipeline.nn.config import ModelConfig
from pipeline.nn.decoder import DecoderState
from pipeline.nn.memory import ConversationState
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import EOS_ID, Tokenizer
from tests.building import build_model

MESSAGES = ["My name is Jin.", "안녕하세요", "dog", "Where is the water?", "red"]
_MAX_TOKENS = 12


@pytest.fixture
def trained(tiny_tokenizer: Tokenizer) -> TrainedModel:
    torch.manual_seed(6)
    config = ModelConfig(hidden_size=16, embedding_dim=16, memory="recurrent")
    model = build_model(config, tiny_tokenizer, tiny_tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
        model.output_bias[EOS_ID] = 2.0
    return TrainedModel(
        network=model.double().eval(),
        tokenizers=(tiny_tokenizer,),
        task="chat",
        data={"context_tokens": 4},
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The ids that the model reads at each message."""
    sources: list[list[int]] = []
    encode = Seq2Seq.encode

    def counting(
        model: Seq2Seq,
        source_ids: Tensor,
        source_lengths: Tensor,
        memory: ConversationState | None = None,
    ) -> DecoderState:
        sources.append(source_ids[0].tolist())
        return encode(model, source_ids, source_lengths, memory)

    monkeypatch.setattr(Seq2Seq, "encode", counting)
    return sources


def reply_to(trained: TrainedModel, turns: Sequence[str]) -> list[int]:
    """What the model generates when it reads the whole conversation at once."""
    text = join_turns(turns, max_turns=None)
    (ids,) = encode_contexts([text], trained.source_tokenizer, budget=None)
    limit = LengthLimit(ratio=0.0, extra=_MAX_TOKENS)
    (found,) = greedy_search(trained.model, *collate_sources([ids]), limit=limit)
    return found.ids


def talk_to(trained: TrainedModel) -> ChatSession:
    return ChatSession(trained, settings=ChatSettings(max_tokens=_MAX_TOKENS))


def generated(session: ChatSession) -> list[int]:
    assert session.last_reply is not None
    return [*session.last_reply.token_ids]


def test_each_reply_is_that_to_the_whole_conversation(trained: TrainedModel) -> None:
    session = talk_to(trained)
    for message in MESSAGES * 3:
        session.reply(message)
        assert generated(session) == reply_to(trained, session.turns[:-1])


def test_each_turn_is_read_once(trained: TrainedModel, read: list[list[int]]) -> None:
    session = talk_to(trained)
    for message in MESSAGES:
        unread = [*session.turns[-1:], message]
        session.reply(message)
        (ids,) = encode_contexts([join_turns(unread)], trained.source_tokenizer, budget=None)
        assert read[-1] == [*ids, EOS_ID]


def test_what_was_said_first_changes_a_late_reply(trained: TrainedModel) -> None:
    replies = set()
    for first in ("My name is Jin.", "grass", "안녕하세요", "Where is the water?"):
        session = talk_to(trained)
        saved = {**json.loads(session.to_json()), "turns": [first, "red", "dog", "red"]}
        session.load_json(json.dumps(saved))
        replies.add(session.reply("and you?"))
    assert len(replies) > 1


def test_a_message_taken_back_is_forgotten(trained: TrainedModel) -> None:
    session, plain = talk_to(trained), talk_to(trained)
    session.reply("hello")
    plain.reply("hello")
    for message in MESSAGES:
        session.reply(message)
    for _ in MESSAGES:
        session.undo()
    assert session.reply("and you?") == plain.reply("and you?")
    assert session.turns == plain.turns


def test_a_reset_forgets(trained: TrainedModel) -> None:
    session = talk_to(trained)
    first = session.reply("hello")
    session.reply("dog")
    session.reset()
    assert session.reply("hello") == first


def test_a_saved_conversation_is_remembered(trained: TrainedModel) -> None:
    session, other = talk_to(trained), talk_to(trained)
    for message in MESSAGES:
        session.reply(message)
    other.reply("something else")
    other.load_json(session.to_json())
    other.reply("dog")
    session.reply("dog")
    assert generated(other) == generated(session)


def test_a_reply_that_was_stopped_is_remembered_as_far_as_it_came(trained: TrainedModel) -> None:
    session = talk_to(trained)
    stream = session.stream(MESSAGES[0])
    next(stream)
    stream.close()
    session.reply("dog")
    assert generated(session) == reply_to(trained, session.turns[:-1])


@pytest.mark.parametrize("num_candidates", [1, 3])
def test_alternatives_leave_the_memory_as_it_was(
    trained: TrainedModel, num_candidates: int
) -> None:
    settings = ChatSettings(num_candidates=num_candidates, max_tokens=_MAX_TOKENS)
    asked, untouched = (ChatSession(trained, settings=settings) for _ in range(2))
    for message in MESSAGES:
        assert asked.reply(message) == untouched.reply(message)
        found = asked.alternatives(3)
        assert found
        assert found == asked.alternatives(3)
        if num_candidates == 3:
            assert found[0].text == asked.turns[-1]
