import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import LengthLimit, Sampler, greedy_search, stream_tokens
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import EOS_ID

SOURCES = [[4, 5, 6], [5], [6, 6, 4, 5, 4, 6, 5], [], [4, 4]]
seeds = pytest.mark.parametrize("seed", range(4))


@dataclass(frozen=True)
class Steps:
    """How many rows each step was asked for."""

    state: Tensor
    asked: list[int]

    def select(self, rows: Tensor) -> "Steps":
        return Steps(self.state[rows], self.asked)

    reorder = select


class Countdown:
    """Says token 9 as often as the first source id says, then ends."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> Steps:
        return Steps(source_ids[:, 0], self.asked)

    def step(self, token_ids: Tensor, state: Steps) -> tuple[Tensor, Steps]:
        state.asked.append(len(token_ids))
        logits = torch.zeros(len(token_ids), 10)
        logits[:, 9] = 5.0
        logits[state.state == 0, EOS_ID] = 10.0
        return logits, Steps(state.state - 1, state.asked)


def network(seed: int) -> Seq2Seq:
    torch.manual_seed(seed)
    config = ModelConfig(cell="lstm", attention="dot", embedding_dim=8, hidden_size=8, num_layers=2)
    model = Seq2Seq(config, source_vocab_size=12, target_vocab_size=12, joint_vocabulary=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model.eval()


def test_rows_that_are_finished_leave_the_batch() -> None:
    model = Countdown()
    found = greedy_search(
        model, *collate_sources([[5], [3], [5], [4]]), limit=LengthLimit(ratio=0.0, extra=9)
    )
    assert [hypothesis.ids for hypothesis in found] == [[9] * 5, [9] * 3, [9] * 5, [9] * 4]
    assert model.asked == [4, 4, 4, 4, 3, 2]


@seeds
def test_streamed_tokens_are_the_greedy_ones(seed: int) -> None:
    model, limit = network(seed), LengthLimit(ratio=1.0, extra=4)
    greedy = greedy_search(model, *collate_sources(SOURCES), limit=limit)
    streamed = [
        list(stream_tokens(model, *collate_sources([source]), limit=limit)) for source in SOURCES
    ]
    assert streamed == [hypothesis.ids for hypothesis in greedy]


def test_tokens_are_streamed_as_soon_as_they_are_known() -> None:
    model = Countdown()
    tokens = stream_tokens(model, *collate_sources([[5]]), limit=LengthLimit())
    assert model.asked == []
    assert [next(tokens), next(tokens)] == [9, 9]
    assert model.asked == [1, 1]


def test_a_stream_ends_at_its_limit() -> None:
    limit = LengthLimit(ratio=0.0, extra=3)
    assert list(stream_tokens(Countdown(), *collate_sources([[5]]), limit=limit)) == [9, 9, 9]


def test_streaming_leaves_the_callers_gradient_mode_alone() -> None:
    tokens = stream_tokens(Countdown(), *collate_sources([[5]]), limit=LengthLimit())
    next(tokens)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@seeds
def test_a_sampler_of_temperature_zero_is_greedy(seed: int) -> None:
    model, limit = network(seed), LengthLimit()
    source_ids, source_lengths = collate_sources(SOURCES)
    sampled = greedy_search(
        model, source_ids, source_lengths, limit=limit, choose=Sampler(temperature=0.0)
    )
    assert sampled == greedy_search(model, source_ids, source_lengths, limit=limit)


@seeds
def test_a_sampler_of_one_token_is_greedy(seed: int) -> None:
    model, limit = network(seed), LengthLimit()
    source_ids, source_lengths = collate_sources(SOURCES)
    sampled = greedy_search(model, source_ids, source_lengths, limit=limit, choose=Sampler(top_k=1))
    assert sampled == greedy_search(model, source_ids, source_lengths, limit=limit)


def test_sampled_streams_are_reproducible() -> None:
    def stream(seed: int) -> list[int]:
        sampler = Sampler(generator=torch.Generator().manual_seed(seed))
        limit = LengthLimit(ratio=0.0, extra=40)
        tokens = stream_tokens(
            network(0), *collate_sources(SOURCES[:1]), limit=limit, choose=sampler
        )
        return list(tokens)

    streams = [stream(seed) for seed in (1, 1, 2, 3)]
    assert streams[0] == streams[1]
    assert len({tuple(ids) for ids in streams}) > 1


@seeds
def test_without_log_probabilities_the_tokens_are_the_same(seed: int) -> None:
    model, limit = network(seed), LengthLimit()
    batch = collate_sources(SOURCES)
    expected = greedy_search(model, *batch, limit=limit)
    found = greedy_search(model, *batch, limit=limit, with_log_probs=False)
    assert [hypothesis.ids for hypothesis in found] == [hypothesis.ids for hypothesis in expected]
    assert all(math.isnan(hypothesis.log_prob) for hypothesis in found)
    assert all(math.isfinite(hypothesis.log_prob) for hypothesis in expected)


@pytest.mark.parametrize("source", [[2], [9]], ids=["ends", "at its limit"])
def test_a_row_that_is_finished_and_stays_for_a_while_is_as_alone(source: list[int]) -> None:
    limit = LengthLimit(ratio=1.0, extra=1)  # of a source of one token and EOS: 3
    others = [[5, 4, 4, 4, 4, 4]] * 15
    model = Countdown()
    found, *_ = greedy_search(model, *collate_sources([source, *others]), limit=limit)
    assert model.asked[-1] == 16  # it never left
    (alone,) = greedy_search(Countdown(), *collate_sources([source]), limit=limit)
    assert found.ids == alone.ids == [9] * min(source[0], 3)
    assert found.log_prob == pytest.approx(alone.log_prob)
