from collections.abc import Callable

import pytest
import torch

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.decoding import LengthLimit
from pipeline.metrics import sentence_bleu
from pipeline.nn.config import ModelConfig
from pipeline.nn.loss import SummedLoss
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import EOS_ID, Tokenizer
from pipeline.training import minimum_risk
from pipeline.training.minimum_risk import better_than_others, minimum_risk_loss

_SOURCES = ["ein Hund läuft", "zwei Katzen schlafen im Haus"]
_REFERENCES = ["a dog runs in the park", "two cats sleep"]
_DRAWN = ["a dog runs", "a cat runs in the park", "the dog", "two cats", "two dogs sleep", "a"]
_LIMIT = LengthLimit()


@pytest.fixture
def batch(tiny_tokenizer: Tokenizer) -> Seq2SeqBatch:
    return collate(*map(tiny_tokenizer.encode_batch, (_SOURCES, _REFERENCES)))


def _model(tokenizer: Tokenizer, dropout: float = 0.0) -> Seq2Seq:
    torch.manual_seed(1)
    size = len(tokenizer)
    return Seq2Seq(
        ModelConfig(hidden_size=24, embedding_dim=16, dropout=dropout),
        source_vocab_size=size,
        target_vocab_size=size,
        joint_vocabulary=True,
    ).train()


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch, tiny_tokenizer: Tokenizer) -> Callable[..., None]:
    def draw(texts: list[str]) -> None:
        ids = tiny_tokenizer.encode_batch(texts)
        monkeypatch.setattr(minimum_risk, "_draw", lambda *_: ids)

    return draw


def _loss(
    model: Seq2Seq, batch: Seq2SeqBatch, tokenizer: Tokenizer, num_samples: int = 3
) -> SummedLoss:
    return minimum_risk_loss(
        model,
        batch,
        num_samples=num_samples,
        tokenizer=tokenizer,
        limit=_LIMIT,
        label_smoothing=0.1,
    )


def test_a_sample_is_compared_with_the_others_of_its_sentence() -> None:
    rewards = torch.tensor([[6.0, 3.0, 0.0], [5.0, 5.0, 5.0]])
    expected = torch.tensor([[4.5, 0.0, -4.5], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(better_than_others(rewards), expected)


def test_the_gradient_is_that_of_the_weighted_log_probabilities(
    tiny_tokenizer: Tokenizer, batch: Seq2SeqBatch, draws: Callable[..., None]
) -> None:
    draws(_DRAWN)
    model = _model(tiny_tokenizer)
    found = _loss(model, batch, tiny_tokenizer)

    references = [reference for reference in _REFERENCES for _ in range(3)]
    rewards = torch.tensor(sentence_bleu(_DRAWN, references)).view(2, 3) / 10
    advantages = better_than_others(rewards).flatten()
    assert float(advantages.abs().max()) > 0.1
    risk, num_tokens = torch.zeros(()), 0
    ids = tiny_tokenizer.encode_batch(_DRAWN)
    sources = tiny_tokenizer.encode_batch(_SOURCES)
    for i, (target, advantage) in enumerate(zip(ids, advantages, strict=True)):
        alone = collate([sources[i // 3]], [target])
        log_probs = model.logits(model(alone)).log_softmax(dim=-1)
        risk = risk - advantage * log_probs[0].gather(1, alone.labels[0].unsqueeze(1)).sum()
        num_tokens += len(target) + 1
    plain = model.loss(batch, label_smoothing=0.1)
    expected = 0.7 * risk * plain.num_predictions / num_tokens + 0.3 * plain.objective_sum
    torch.testing.assert_close(found.objective_sum, expected, rtol=1e-4, atol=1e-4)
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(found.objective_sum, parameters)
    for one, other in zip(gradients, torch.autograd.grad(expected, parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert found.nats_sum == plain.nats_sum
    assert found.num_predictions == plain.num_predictions


def test_samples_that_are_equally_good_teach_nothing(
    tiny_tokenizer: Tokenizer, batch: Seq2SeqBatch, draws: Callable[..., None]
) -> None:
    draws(["a dog"] * 3 + ["two cats"] * 3)
    model = _model(tiny_tokenizer)
    found = _loss(model, batch, tiny_tokenizer)
    plain = model.loss(batch, label_smoothing=0.1)
    torch.testing.assert_close(found.objective_sum, 0.3 * plain.objective_sum)


def test_samples_are_drawn_without_dropout_and_of_their_own_sources(
    tiny_tokenizer: Tokenizer, batch: Seq2SeqBatch
) -> None:
    repeated = batch.select(torch.tensor([0, 0, 1]))
    with_dropout, without = _model(tiny_tokenizer, dropout=0.9), _model(tiny_tokenizer)
    drawn = []
    for model in (with_dropout, without):
        torch.manual_seed(7)
        drawn.append(minimum_risk._draw(model, repeated, _LIMIT))
        assert model.training
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1], "each is a draw of its own"
    limits = _LIMIT.of(repeated.source_lengths).tolist()
    for ids, limit in zip(drawn[0], limits, strict=True):
        assert len(ids) <= limit
        assert EOS_ID not in ids


def test_the_better_sample_becomes_more_probable_and_the_worse_less(
    tiny_tokenizer: Tokenizer,
    batch: Seq2SeqBatch,
    draws: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minimum_risk, "_CROSS_ENTROPY_SHARE", 0.0)
    draws([_REFERENCES[0], "two the"] * 2)  # the second sentence's samples are both bad
    model = _model(tiny_tokenizer)
    pairs = [
        collate(*map(tiny_tokenizer.encode_batch, ([_SOURCES[0]], [target])))
        for target in (_REFERENCES[0], "two the")
    ]
    before = [float(model.loss(pair).nats_sum) for pair in pairs]
    _loss(model, batch, tiny_tokenizer, num_samples=2).objective_sum.backward()
    torch.optim.SGD(model.parameters(), lr=1e-4).step()
    better, worse = (float(model.loss(pair).nats_sum) for pair in pairs)
    assert better < before[0]
    assert worse > before[1]
