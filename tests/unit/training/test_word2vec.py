import sys

import datasets
import pytest
import torch

from pipeline.data.config import DataConfig
from pipeline.data.prepare import PreparedCorpus
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import Tokenizer
from pipeline.training.word2vec import begin_with_word2vec
from tests.building import build_model

# 10 and 11 stand in the same places, 20 and 21 in others.
_SOURCES = [[10, 12, 13], [11, 12, 13], [14, 15, 20], [14, 15, 21]] * 1000
_TARGETS = [[30, 31], [32, 31], [33, 34], [33, 35]] * 1000


@pytest.fixture
def corpus(tiny_tokenizer: Tokenizer) -> PreparedCorpus:
    pairs = datasets.Dataset.from_dict({"source_ids": _SOURCES, "target_ids": _TARGETS})
    return PreparedCorpus(
        config=DataConfig(path="made.tsv"),
        corpora=[],
        source_tokenizer=tiny_tokenizer,
        target_tokenizer=tiny_tokenizer,
        train=pairs,
        validation=pairs,
        validation_text=pairs,
    )


def _network(tokenizer: Tokenizer, *, joint: bool = True, embedding_dim: int = 16) -> Seq2Seq:
    torch.manual_seed(1)
    config = ModelConfig(embedding="word2vec", embedding_dim=embedding_dim, hidden_size=8)
    target = tokenizer if joint else Tokenizer(tokenizer.model_proto)
    return build_model(config, tokenizer, target)


def _similarity(weight: torch.Tensor, a: int, b: int) -> float:
    return float(torch.cosine_similarity(weight[a], weight[b], dim=0))


def test_pieces_of_the_same_places_begin_alike(
    tiny_tokenizer: Tokenizer, corpus: PreparedCorpus
) -> None:
    network = _network(tiny_tokenizer)
    begin_with_word2vec(network, corpus, seed=1)
    weight = network.output_weight.detach()
    assert _similarity(weight, 10, 11) > _similarity(weight, 10, 20) + 0.02
    assert _similarity(weight, 20, 21) > _similarity(weight, 11, 21) + 0.02


@pytest.mark.parametrize("embedding_dim", [16, 100])
def test_vectors_are_as_large_as_random_ones_would_be(
    tiny_tokenizer: Tokenizer, corpus: PreparedCorpus, embedding_dim: int
) -> None:
    network = _network(tiny_tokenizer, embedding_dim=embedding_dim)
    begin_with_word2vec(network, corpus, seed=1)
    seen = sorted({piece for sentence in _SOURCES + _TARGETS for piece in sentence})
    std = float(network.output_weight[seen].detach().std())
    assert std == pytest.approx(embedding_dim**-0.5, rel=0.02)


def test_what_was_not_seen_stays_and_the_rest_is_a_function_of_the_seed(
    tiny_tokenizer: Tokenizer, corpus: PreparedCorpus
) -> None:
    network, untouched = _network(tiny_tokenizer), _network(tiny_tokenizer)
    begin_with_word2vec(network, corpus, seed=1)
    assert torch.equal(network.output_weight[100:], untouched.output_weight[100:])
    again = _network(tiny_tokenizer)
    begin_with_word2vec(again, corpus, seed=1)
    assert torch.equal(again.output_weight, network.output_weight)


def test_separate_vocabularies_have_vectors_of_their_own(
    tiny_tokenizer: Tokenizer, corpus: PreparedCorpus
) -> None:
    network, untouched = (_network(tiny_tokenizer, joint=False) for _ in range(2))
    begin_with_word2vec(network, corpus, seed=1)
    for part, before, changed, kept in (
        (network.encoder, untouched.encoder, 10, 30),
        (network.decoder, untouched.decoder, 30, 10),
    ):
        weight = part.embedding.get_parameter("weight")
        old = before.embedding.get_parameter("weight")
        assert not torch.equal(weight[changed], old[changed])
        assert torch.equal(weight[kept], old[kept])


def test_without_gensim_it_says_how_to_get_it(
    tiny_tokenizer: Tokenizer, corpus: PreparedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ConfigError, match=r"model.embedding: word2vec needs gensim: pip install"):
        begin_with_word2vec(_network(tiny_tokenizer), corpus, seed=1)
