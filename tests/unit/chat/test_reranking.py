from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.batch import collate, collate_sources
from pipeline.chat.reranking import Reranker
from pipeline.decoding import EncodedSource
from pipeline.errors import ModelError
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.decoder import DecoderState

MESSAGE = "Where is the dog?"
TEXTS = ["A man", "강아지가 풀밭에서 뛰어다녀요.", "playing in the water today!", "Ein"]


@pytest.fixture
def trained(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


@pytest.fixture
def reverse(tiny_chat_folder: Path) -> TrainedModel:
    other = load_model(tiny_chat_folder)
    torch.manual_seed(8)
    with torch.no_grad():
        for parameter in other.model.parameters():
            parameter.add_(torch.randn_like(parameter))
    return other


@pytest.fixture
def source(trained: TrainedModel) -> EncodedSource[DecoderState]:
    ids = trained.source_tokenizer.encode(MESSAGE)
    return EncodedSource(trained.model, *collate_sources([ids]))


def replies(trained: TrainedModel) -> list[tuple[str, list[int]]]:
    return [(text, trained.target_tokenizer.encode(text)) for text in TEXTS]


def log_prob(trained: TrainedModel, said: str, given: str) -> float:
    source_ids = trained.source_tokenizer.encode(given)
    batch = collate([source_ids], [trained.target_tokenizer.encode(said)])
    return -float(trained.model.loss(batch).nats_sum.detach())


def num_tokens(trained: TrainedModel, text: str) -> int:
    return len(trained.target_tokenizer.encode(text)) + 1


def test_with_a_reverse_model_the_message_given_the_reply_counts(
    trained: TrainedModel, reverse: TrainedModel, source: EncodedSource[DecoderState]
) -> None:
    found = Reranker(trained, reverse).rerank(source, MESSAGE, replies(trained), weight=0.7)
    for candidate in found:
        there = log_prob(trained, candidate.text, MESSAGE)
        back = log_prob(reverse, MESSAGE, candidate.text)
        expected = there / num_tokens(trained, candidate.text)
        expected += 0.7 * back / num_tokens(reverse, MESSAGE)
        assert candidate.log_prob == pytest.approx(there, rel=1e-4)
        assert candidate.score == pytest.approx(expected, rel=1e-4)
        assert list(candidate.token_ids) == trained.target_tokenizer.encode(candidate.text)


def test_without_one_the_reply_to_nothing_counts_against(
    trained: TrainedModel, source: EncodedSource[DecoderState]
) -> None:
    found = Reranker(trained).rerank(source, MESSAGE, replies(trained), weight=0.7)
    for candidate in found:
        there = log_prob(trained, candidate.text, MESSAGE)
        expected = there - 0.7 * log_prob(trained, candidate.text, "")
        expected /= num_tokens(trained, candidate.text)
        assert candidate.score == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_without_a_weight_it_is_the_likelihood_a_token(
    trained: TrainedModel, reverse: TrainedModel, source: EncodedSource[DecoderState]
) -> None:
    for reranker in (Reranker(trained), Reranker(trained, reverse)):
        for candidate in reranker.rerank(source, MESSAGE, replies(trained), weight=0.0):
            expected = candidate.log_prob / num_tokens(trained, candidate.text)
            assert candidate.score == pytest.approx(expected)


def test_the_best_comes_first_and_the_weight_changes_which_that_is(
    trained: TrainedModel, source: EncodedSource[DecoderState]
) -> None:
    orders = []
    for weight in (0.0, 5.0):
        found = Reranker(trained).rerank(source, MESSAGE, replies(trained), weight=weight)
        scores = [candidate.score for candidate in found]
        assert scores == sorted(scores, reverse=True)
        assert {candidate.text for candidate in found} == set(TEXTS)
        orders.append([candidate.text for candidate in found])
    assert orders[0] != orders[1]


def test_a_translator_is_no_reverse_model(
    trained: TrainedModel, tiny_translator_folder: Path
) -> None:
    with pytest.raises(ModelError, match=r"^tiny-translation: a model for translation; expected"):
        Reranker(trained, load_model(tiny_translator_folder))
    Reranker(trained, replace(trained, name="reverse"))
