from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.batch import collate_sources
from pipeline.chat import ChatSession
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import BOS_ID, EOS_ID, Tokenizer
from tests.building import build_model


def with_network(trained: TrainedModel, tokenizer: Tokenizer, config: ModelConfig) -> TrainedModel:
    torch.manual_seed(7)
    return replace(trained, network=build_model(config, tokenizer, tokenizer).eval())


@pytest.fixture
def trained(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


@torch.inference_mode()
def test_probabilities_are_the_models_own(trained: TrainedModel) -> None:
    session = ChatSession(trained)
    session.reply("hello")
    assert session.last_reply is not None
    pieces = session.explain()
    ids = session.last_reply.token_ids
    state = trained.model.encode(*collate_sources([session.last_reply.source_ids]))
    for piece, given, following in zip(pieces, [BOS_ID, *ids], [*ids, EOS_ID], strict=True):
        logits, state = trained.model.step(torch.tensor([given]), state)
        assert piece.probability == pytest.approx(float(logits[0].softmax(0)[following]))
    assert [piece.text for piece in pieces] == [*trained.target_tokenizer.pieces(ids), "(end)"]


def test_attention_names_what_was_read(trained: TrainedModel) -> None:
    session = ChatSession(trained)
    session.reply("hello dog")
    assert session.last_reply is not None
    read = [*trained.source_tokenizer.pieces(session.last_reply.source_ids), "(end)"]
    pieces = session.explain()
    assert any(piece.attended for piece in pieces)
    for piece in pieces:
        assert {place for place, _ in piece.attended} <= {*read}
        weights = [weight for _, weight in piece.attended]
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) <= 1.0001
        assert min(weights, default=1) >= 0.1


def test_without_attention_there_are_probabilities_alone(
    trained: TrainedModel, tiny_tokenizer: Tokenizer
) -> None:
    config = ModelConfig(hidden_size=8, embedding_dim=8, attention="none")
    session = ChatSession(with_network(trained, tiny_tokenizer, config))
    session.reply("hello")
    pieces = session.explain()
    assert pieces
    assert not any(piece.attended for piece in pieces)


def test_a_memory_can_be_looked_at(trained: TrainedModel, tiny_tokenizer: Tokenizer) -> None:
    config = ModelConfig(hidden_size=8, embedding_dim=8, memory="recurrent")
    session = ChatSession(with_network(trained, tiny_tokenizer, config))
    session.reply("hello")
    seen: set[str] = set()
    for message in ("dog", "a", "red"):  # short, so that an even attention shows the memory as well
        session.reply(message)
        places = {place for piece in session.explain() for place, _ in piece.attended}
        pieces = tiny_tokenizer.pieces(tiny_tokenizer.encode(message))
        assert places <= {"(memory)", "(end)", *pieces}
        seen |= places
    assert "(memory)" in seen


def test_explaining_changes_nothing(trained: TrainedModel) -> None:
    one, other = ChatSession(trained), ChatSession(trained)
    for session in (one, other):
        session.reply("hello")
    one.explain()
    assert one.reply("dog") == other.reply("dog")


def test_nothing_said_nothing_to_explain(trained: TrainedModel) -> None:
    assert ChatSession(trained).explain() == []
