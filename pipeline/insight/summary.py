"""What a network is made of, and what a token costs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

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
class Summary:
    """A network in numbers.

    Attributes:
        parts: Its parameters; a shared one stands once, under its first name.
        num_parameters: Of all parts.
        flops_per_source_token: Of reading one more source token: matrix products alone, counted
            while they run, a multiplication and an addition being two.
        flops_per_target_token: Of one decoding step on a source of one token.
        flops_per_source_and_target_token: What that step costs more for each further source token:
            attention.
        bytes_per_target_token: Weights that a decoding step reads, as float32: at a batch of one
            sentence this, not the arithmetic, is the time.
    """

    parts: list[Part]
    num_parameters: int
    flops_per_source_token: int
    flops_per_target_token: int
    flops_per_source_and_target_token: int
    bytes_per_target_token: int

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def summarize(model: Seq2Seq) -> Summary:
    """Count a network's parameters, and the cost of a token by running it."""
    parts = [
        Part(name=name, shape=tuple(parameter.shape), num_parameters=parameter.numel())
        for name, parameter in model.named_parameters()
    ]
    one, two = _encoding_flops(model, 1), _encoding_flops(model, 2)
    step_one, step_two = _step_flops(model, 1), _step_flops(model, 2)
    return Summary(
        parts=parts,
        num_parameters=sum(part.num_parameters for part in parts),
        flops_per_source_token=two - one,
        flops_per_target_token=step_one,
        flops_per_source_and_target_token=step_two - step_one,
        bytes_per_target_token=4 * sum(p.numel() for p in _read_in_a_step(model)),
    )


def _encoding_flops(model: Seq2Seq, length: int) -> int:
    with FlopCounterMode(display=False) as counter:
        model.encode(*_source(length))
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
    if decoder.attention is not None:
        yield from decoder.attention.parameters()
    yield from (model.output_weight, model.output_bias)
