"""What a network is made of, and what a token costs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.network import Network
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import BOS_ID, EOS_ID


@dataclass(frozen=True, kw_only=True)
class Part:
    """A parameter of a network.

    Attributes:
        name: Where it is, from the network down.
        shape: Its sizes.
        num_parameters: Their product.
    """

    name: str
    shape: tuple[int, ...]
    num_parameters: int


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """What a decoding step costs, with a batch of one sentence.

    Attributes:
        flops: On a source of one token.
        flops_per_source_token: More for each further source token: attention.
        weight_bytes: Weights that it reads, as float32: these, not the arithmetic, are the time.
    """

    flops: int
    flops_per_source_token: int
    weight_bytes: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A network in numbers.

    Attributes:
        parts: Its parameters; a shared one stands once, under its first name.
        num_parameters: Of all parts.
        flops_per_source_token: Of one more token to read (and, for a language model and a
            forecaster, of what they say to it): matrix products alone, counted while they run, a
            multiplication and an addition being two.
        bytes_per_source_token: Weights of the recurrent layers that read it, as float32.
        step: What a target token costs; None where there is no decoder.
    """

    parts: list[Part]
    num_parameters: int
    flops_per_source_token: int
    bytes_per_source_token: int
    step: StepCost | None

    def as_json(self) -> dict[str, Any]:
        """Plain values; what a target token costs stands beside the others."""
        values = asdict(self)
        step = values.pop("step")
        if step is not None:
            values |= {
                "flops_per_target_token": step["flops"],
                "flops_per_source_and_target_token": step["flops_per_source_token"],
                "bytes_per_target_token": step["weight_bytes"],
            }
        return values


def summarize(network: Network) -> Summary:
    """Count a network's parameters, and the cost of a token by running it."""
    parts = [
        Part(name=name, shape=tuple(parameter.shape), num_parameters=parameter.numel())
        for name, parameter in network.named_parameters()
    ]
    layers = (network.recurrent if isinstance(network, Forecaster) else network.encoder).layers
    return Summary(
        parts=parts,
        num_parameters=sum(part.num_parameters for part in parts),
        flops_per_source_token=_reading_flops(network, 2) - _reading_flops(network, 1),
        bytes_per_source_token=_num_bytes(layers.parameters()),
        step=_step_cost(network) if isinstance(network, Seq2Seq) else None,
    )


def _step_cost(model: Seq2Seq) -> StepCost:
    one, two = _step_flops(model, 1), _step_flops(model, 2)
    return StepCost(
        flops=one,
        flops_per_source_token=two - one,
        weight_bytes=_num_bytes(_read_in_a_step(model)),
    )


def _num_bytes(weights: Iterable[Tensor]) -> int:
    return 4 * sum(weight.numel() for weight in weights)


def _reading_flops(network: Network, length: int) -> int:
    ids, lengths = _source(length)
    with FlopCounterMode(display=False) as counter:
        match network:
            case Seq2Seq():
                network.encode(ids, lengths)
            case SequenceClassifier():
                network(ids, lengths)
            case LanguageModel():
                network.logits(network(ids))
            case Forecaster():
                network(torch.zeros(1, length))
    return int(counter.get_total_flops())


def _step_flops(model: Seq2Seq, length: int) -> int:
    state = model.encode(*_source(length))
    with FlopCounterMode(display=False) as counter:
        model.step(torch.tensor([BOS_ID]), state)
    return int(counter.get_total_flops())


def _source(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((1, length), EOS_ID), torch.tensor([length])


def _read_in_a_step(model: Seq2Seq) -> Iterator[Tensor]:
    """The decoder's weights but for its embedding, of which a step reads one row, and W_hy."""
    decoder = model.decoder
    yield from decoder.layers.parameters()
    yield from decoder.W_c.parameters()
    for part in (decoder.attention, decoder.coverage, decoder.deep_output):
        if part is not None:
            yield from part.parameters()
    yield from (model.output_weight, model.output_bias)
