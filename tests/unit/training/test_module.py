import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import LambdaCallback
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.decoding import LengthLimit
from pipeline.metrics import bleu
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import Tokenizer
from pipeline.training.config import TrainerConfig
from pipeline.training.schedule import learning_rate
from pipeline.training.seq2seq_module import Seq2SeqModule, ValidationText
from tests.building import build_model

# Lightning 2.6 makes a deprecated class of torch 2.13; `seq2seq train` ignores it too.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")

_SOURCES = ["Two children", "The little dog runs.", "Where is the station, please?", "water"]
_TARGETS = ["강아지가 뛰어다녀요.", "Ein Hund", "Two", "das grüne Gras läuft über das Gras"]


class Batches(IterableDataset[Seq2SeqBatch]):
    """The same few batches, over and over."""

    def __init__(self, batches: Sequence[Seq2SeqBatch], *, is_endless: bool) -> None:
        self._batches, self._is_endless = batches, is_endless

    def __iter__(self) -> Iterator[Seq2SeqBatch]:
        return itertools.cycle(self._batches) if self._is_endless else iter(self._batches)


@pytest.fixture
def batches(tiny_tokenizer: Tokenizer) -> list[Seq2SeqBatch]:
    sources, targets = map(tiny_tokenizer.encode_batch, (_SOURCES, _TARGETS))
    return [collate(sources[:1], targets[:1]), collate(sources[1:], targets[1:])]


def _module(tokenizer: Tokenizer, *, judged_by_bleu: bool = True, **config: Any) -> Seq2SeqModule:
    torch.manual_seed(0)
    sizes = ModelConfig(cell="gru", hidden_size=16, embedding_dim=16, num_layers=1, dropout=0.2)
    return Seq2SeqModule(
        build_model(sizes, tokenizer, tokenizer),
        TrainerConfig(**{"max_steps": 6, "warmup_steps": 2, "ema_decay": 0.0, **config}),
        seed=5,
        validation=ValidationText(
            sources=_SOURCES,
            source_ids=tokenizer.encode_batch(_SOURCES),
            references=_TARGETS,
            target_tokenizer=tokenizer,
            limit=LengthLimit(),
        ),
        judged_by_bleu=judged_by_bleu,
    )


def _fit(
    module: Seq2SeqModule, batches: Sequence[Seq2SeqBatch], *callbacks: lightning.Callback
) -> lightning.Trainer:
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=1,
        max_steps=module.config.max_steps,
        val_check_interval=module.config.validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        module,
        DataLoader(Batches(batches, is_endless=True), batch_size=None),
        DataLoader(Batches(batches, is_endless=False), batch_size=None),
    )
    return trainer


def _weights(network: torch.nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


@pytest.mark.parametrize("ema_decay", [0.05, 0.998])
def test_the_average_follows_its_recurrence(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch], ema_decay: float
) -> None:
    module = _module(tiny_tokenizer, ema_decay=ema_decay)
    expected = _weights(module.model)
    after_steps: list[list[Tensor]] = []
    record = LambdaCallback(
        on_train_batch_end=lambda *_: after_steps.append(_weights(module.model))
    )
    _fit(module, batches, record)
    assert len(after_steps) == 6
    for step, weights in enumerate(after_steps, start=1):
        decay = min(ema_decay, (1 + step) / (10 + step))
        expected = [
            decay * average + (1 - decay) * weight
            for average, weight in zip(expected, weights, strict=True)
        ]
    for found, wanted, weight in zip(
        module.averaged.parameters(), expected, after_steps[-1], strict=True
    ):
        torch.testing.assert_close(found.data, wanted, rtol=1e-4, atol=1e-6)
        assert not torch.equal(found, weight)


def test_the_mean_of_the_last_validations_is_what_is_judged(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer, average_checkpoints=2, validate_every=2)
    at_validations: list[list[Tensor]] = []
    judged: list[list[Tensor]] = []

    def record(*_: object) -> None:
        at_validations.append(_weights(module.model))
        judged.append(_weights(module.averaged))

    _fit(module, batches, LambdaCallback(on_validation_end=record))
    assert len(judged) == 3
    for found, first in zip(judged[0], at_validations[0], strict=True):
        torch.testing.assert_close(found, first)
    for number in (1, 2):
        for found, one, other in zip(
            judged[number], at_validations[number - 1], at_validations[number], strict=True
        ):
            torch.testing.assert_close(found, (one + other) / 2)

    # A run that goes on makes the next mean of the same.
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    resumed = _module(tiny_tokenizer, average_checkpoints=2, validate_every=2)
    resumed.on_load_checkpoint(checkpoint)
    resumed.on_validation_epoch_start()
    for found, last, new in zip(
        resumed.averaged.parameters(), at_validations[2], _weights(resumed.model), strict=True
    ):
        torch.testing.assert_close(found.data, (last + new) / 2)


def test_without_decay_the_weights_are_judged_themselves(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer)
    assert module.averaged is module.model
    before = _weights(module.model)
    _fit(module, batches)
    assert not any(
        torch.equal(one, other)
        for one, other in zip(before, module.averaged.parameters(), strict=True)
    )


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    modules = [_module(tiny_tokenizer) for _ in range(3)]
    modules[2].seed = 6  # of dropout alone: the first weights are the same
    for number, module in enumerate(modules):
        torch.manual_seed(number)  # what was drawn before does not count
        _fit(module, batches)
    one, same, other = (torch.cat([w.flatten() for w in _weights(m.model)]) for m in modules)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("schedule", ["cosine", "inverse_sqrt", "constant"])
def test_each_step_has_the_rate_of_its_schedule(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch], schedule: str
) -> None:
    module = _module(tiny_tokenizer, schedule=schedule)
    rates: list[float] = []
    record = LambdaCallback(
        on_train_batch_end=lambda trainer, *_: rates.append(
            trainer.optimizers[0].param_groups[0]["lr"]
        )
    )
    _fit(module, batches, record)
    assert rates == [
        pytest.approx(learning_rate(module.config, step=step, done=step / 6)) for step in range(6)
    ]


def test_gradients_are_clipped_by_their_norm(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer, max_gradient_norm=0.01)
    norms: list[float] = []

    def record(*_: object) -> None:
        gradients = [p.grad for p in module.model.parameters() if p.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(gradients)))

    _fit(module, batches, LambdaCallback(on_train_batch_end=record, on_before_zero_grad=record))
    assert max(norms) == pytest.approx(0.01, rel=1e-3)


class Strategy:
    """Two devices, of which the other one counted `others` tokens."""

    def __init__(self, others: int) -> None:
        self._others = others

    def reduce(self, tensor: Tensor, *, reduce_op: str) -> Tensor:
        assert reduce_op == "mean"
        return (tensor + self._others) / 2


class TwoDevices:
    """What a module asks of its trainer in a training step."""

    world_size = 2

    def __init__(self, others: int) -> None:
        self.strategy = Strategy(others)


class OneDevice:
    """The same, alone."""

    world_size = 1


def _training_loss(module: Seq2SeqModule, trainer: Any, batch: Seq2SeqBatch) -> Tensor:
    module.trainer = trainer
    loss = module.training_step(batch, 0)
    assert isinstance(loss, Tensor)
    return loss


def test_a_token_counts_the_same_on_whichever_device(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer).eval()  # without dropout
    num_tokens = [module.model.loss(batch).num_predictions for batch in batches]
    assert num_tokens[0] != num_tokens[1]
    devices = [TwoDevices(num_tokens[1]), TwoDevices(num_tokens[0])]
    losses = [
        _training_loss(module, device, batch)
        for device, batch in zip(devices, batches, strict=True)
    ]
    sources, targets = map(tiny_tokenizer.encode_batch, (_SOURCES, _TARGETS))
    alone = OneDevice()
    whole = _training_loss(module, alone, collate(sources, targets))
    torch.testing.assert_close((losses[0] + losses[1]) / 2, whole)
    parameters = list(module.model.parameters())
    of_devices = torch.autograd.grad((losses[0] + losses[1]) / 2, parameters)
    for found, wanted in zip(of_devices, torch.autograd.grad(whole, parameters), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_last_loss_is_plain_nats_a_token(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer, label_smoothing=0.3).eval()
    assert math.isnan(module.last_loss)
    alone = OneDevice()
    smoothed = _training_loss(module, alone, batches[1])
    plain = module.model.loss(batches[1])
    assert module.last_loss == pytest.approx(float(plain.nats_sum) / plain.num_predictions)
    assert module.last_loss != pytest.approx(smoothed.item(), rel=1e-3)
    assert module.num_tokens_trained == plain.num_predictions


def test_the_validation_loss_is_nats_a_token_over_all_batches(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer, validate_every=3)
    _fit(module, batches)
    module.averaged.eval()
    with torch.inference_mode():
        losses = [module.averaged.loss(batch) for batch in batches]
    nats = sum(float(loss.nats_sum) for loss in losses)
    assert module.scores["val_loss"] == pytest.approx(
        nats / sum(loss.num_predictions for loss in losses), rel=1e-5
    )
    assert len(module.hypotheses) == len(_SOURCES)
    in_order = [module.hypotheses[row] for row in range(len(_TARGETS))]
    assert module.scores["val_bleu"] == bleu(in_order, _TARGETS).value


def test_a_chatbot_is_judged_by_its_loss_alone(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch]
) -> None:
    module = _module(tiny_tokenizer, judged_by_bleu=False)
    _fit(module, batches)
    assert set(module.scores) == {"val_loss"}
    assert list(module.hypotheses) == module.validation.sample_rows


@pytest.mark.parametrize("validate_every", [2, 4, 100])
def test_the_last_step_is_validated(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch], validate_every: int
) -> None:
    steps: list[int] = []
    record = LambdaCallback(on_validation_end=lambda trainer, _: steps.append(trainer.global_step))
    _fit(_module(tiny_tokenizer, validate_every=validate_every), batches, record)
    assert steps == sorted({*range(validate_every, 7, validate_every), 6})


def test_when_the_time_is_over_a_validation_ends_the_training(
    tiny_tokenizer: Tokenizer, batches: list[Seq2SeqBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _module(tiny_tokenizer, max_time="01:00", max_steps=1000, validate_every=500)
    # Ten seconds a step, as it were.
    monkeypatch.setattr(
        type(module.clock), "seconds", property(lambda _: 10.0 * module.global_step)
    )
    steps: list[int] = []
    record = LambdaCallback(on_validation_end=lambda trainer, _: steps.append(trainer.global_step))
    trainer = _fit(module, batches, record)
    assert trainer.global_step == 6
    assert steps == [6]
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(
        learning_rate(module.config, step=5, done=5 / 6)
    )


def test_a_checkpoint_holds_the_time_and_the_tokens(tiny_tokenizer: Tokenizer) -> None:
    module, other = _module(tiny_tokenizer), _module(tiny_tokenizer)
    module.num_tokens_trained = 77
    module.clock.start(100.0)
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    assert other.num_tokens_trained == 77
    assert 100.0 <= other.clock.seconds < 110.0


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_the_average_takes_no_part_in_gradients(tiny_tokenizer: Tokenizer, batches: Any) -> None:
    module = _module(tiny_tokenizer, ema_decay=0.998)
    _fit(module, batches)
    for parameter in module.averaged.parameters():
        assert parameter.is_leaf
        assert not parameter.requires_grad
