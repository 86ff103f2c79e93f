from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.data.config import DataConfig
from pipeline.decoding import LengthLimit
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.nn.loss import SummedLoss
from pipeline.tokenizer import Tokenizer
from pipeline.training.config import RunConfig, TrainerConfig
from pipeline.training.seq2seq_module import Seq2SeqModule, ValidationText
from tests.building import build_model

_SOURCES = ["ein Hund läuft", "zwei Katzen schlafen im Haus", "a", "das Haus", "ein Haus im Park"]
_TARGETS = ["a dog", "two cats sleep in the house over there", "", "the house", "a house"]


@pytest.fixture
def batch(tiny_tokenizer: Tokenizer) -> Seq2SeqBatch:
    return collate(*map(tiny_tokenizer.encode_batch, (_SOURCES, _TARGETS)))


def _module(tokenizer: Tokenizer, *, dropout: float = 0.0, **config: Any) -> Seq2SeqModule:
    torch.manual_seed(2)
    model = ModelConfig(hidden_size=16, embedding_dim=12, lexical=True, dropout=dropout)
    return Seq2SeqModule(
        build_model(model, tokenizer, tokenizer).train(),
        TrainerConfig(**config),
        seed=1,
        validation=ValidationText(["a"], [[5]], ["b"], tokenizer, LengthLimit()),
        judged_by_bleu=True,
    )


def _gradients(module: Seq2SeqModule, loss: SummedLoss) -> dict[str, Tensor]:
    (3 * loss.objective_sum).backward()
    return {name: parameter.grad for name, parameter in module.model.named_parameters()}  # type: ignore[misc]


@pytest.mark.parametrize("num_parts", [2, 3, 5, 9])
def test_in_parts_a_batch_has_the_gradient_that_it_has_as_a_whole(
    tiny_tokenizer: Tokenizer, batch: Seq2SeqBatch, num_parts: int
) -> None:
    whole, parts = _module(tiny_tokenizer), _module(tiny_tokenizer, accumulate=num_parts)
    expected, found = (module.objective(batch) for module in (whole, parts))
    assert found.num_predictions == expected.num_predictions
    torch.testing.assert_close(found.nats_sum, expected.nats_sum)
    torch.testing.assert_close(found.objective_sum, expected.objective_sum)
    gradients = _gradients(parts, found)
    for name, gradient in _gradients(whole, expected).items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-4, atol=1e-5)
        assert gradient.abs().max() > 0


def test_parts_of_a_batch_have_dropout_of_their_own(tiny_tokenizer: Tokenizer) -> None:
    twice = collate([[5, 6, 7]] * 2, [[8, 9]] * 2)
    module = _module(tiny_tokenizer, dropout=0.5, accumulate=2)
    losses: list[float] = []
    objective = module._objective
    module._objective = lambda batch: _kept(losses, objective(batch))  # type: ignore[method-assign]
    torch.manual_seed(1)
    module.objective(twice)
    assert len(losses) == 2
    assert losses[0] != losses[1]


def _kept(losses: list[float], loss: SummedLoss) -> SummedLoss:
    losses.append(float(loss.nats_sum))
    return loss


def test_only_pairs_can_be_parted() -> None:
    with pytest.raises(ConfigError, match=r"^trainer\.accumulate: expected with translation"):
        RunConfig(
            name="x",
            data=DataConfig(path="a.csv", task="classification"),
            trainer=TrainerConfig(accumulate=2),
        )
    with pytest.raises(ConfigError, match=r"^trainer\.accumulate: expected 1 or more, got 0"):
        TrainerConfig(accumulate=0)
