from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.data.sampler import TokenBatches

Lengths = NDArray[np.int32]


def realistic(num_rows: int = 6000, seed: int = 0) -> tuple[Lengths, Lengths]:
    """Sentences of about 14 tokens, log-normal as captions are, and targets about as long."""
    random = np.random.default_rng(seed)
    sources = np.clip(np.round(random.lognormal(2.6, 0.35, num_rows)), 1, 100)
    targets = np.clip(np.round(sources * random.normal(1.0, 0.1, num_rows)), 1, 100)
    return sources.astype(np.int32), targets.astype(np.int32)


def batches(sampler: TokenBatches, epoch: int = 0) -> list[list[int]]:
    first = epoch * sampler.num_batches
    return [sampler.rows(first + i).tolist() for i in range(sampler.num_batches)]


def build(batch_tokens: int = 1024, seed: int = 1) -> TokenBatches:
    return TokenBatches(*realistic(), batch_tokens=batch_tokens, seed=seed)


@pytest.mark.parametrize("epoch", [0, 1, 5])
@pytest.mark.parametrize("batch_tokens", [512, 1024, 10_000_000])
def test_every_row_is_in_an_epoch_exactly_once(epoch: int, batch_tokens: int) -> None:
    found = batches(build(batch_tokens), epoch)
    assert sorted(row for rows in found for row in rows) == list(range(6000))
    assert all(found)


def test_a_batch_is_a_function_of_seed_and_step_alone() -> None:
    sampler = build()
    steps = [0, 3 * sampler.num_batches + 5, 1, 7 * sampler.num_batches, 0]
    in_another_order = {step: build().rows(step).tolist() for step in sorted(set(steps))}
    assert [sampler.rows(step).tolist() for step in steps] == [in_another_order[s] for s in steps]


def test_the_epochs_have_the_same_number_of_batches_but_not_the_same_batches() -> None:
    sampler = build()
    first, second = batches(sampler, 0), batches(sampler, 1)
    assert len(first) == len(second)
    in_common = {frozenset(rows) for rows in first} & {frozenset(rows) for rows in second}
    assert len(in_common) < 0.05 * len(first)


def test_seeds_differ() -> None:
    assert batches(build(seed=1)) != batches(build(seed=2))


def test_the_batches_of_an_epoch_are_shuffled() -> None:
    _, targets = realistic()
    means = [targets[rows].mean() for rows in batches(build())]
    ascending = sum(a < b for a, b in pairwise(means))
    assert 0.4 < ascending / len(means) < 0.6
    assert means != sorted(means)


@pytest.mark.parametrize("batch_tokens", [512, 1024, 4096])
def test_the_cost_of_a_batch_is_about_what_was_asked_for(batch_tokens: int) -> None:
    sources, targets = realistic()
    longer = np.maximum(sources, targets) + 1  # with EOS
    costs = [int(longer[rows].sum()) for rows in batches(build(batch_tokens))]
    assert len(costs) == round(int(longer.sum()) / batch_tokens)
    # A cut stands at most a few rows beside its place.
    assert max(costs) <= batch_tokens * 1.05 + 16 * 101
    assert np.mean(costs) == pytest.approx(batch_tokens, rel=0.05)


def test_less_than_a_twentieth_is_padding() -> None:
    sources, targets = realistic(num_rows=29_000)
    sampler = TokenBatches(sources, targets, batch_tokens=1024, seed=1)
    real = padded = 0
    for rows in batches(sampler):
        for lengths in (sources[rows] + 1, targets[rows] + 1):  # with EOS
            real += int(lengths.sum())
            padded += len(rows) * int(lengths.max())
    assert 1 - real / padded < 0.05


@pytest.mark.parametrize("batch_tokens", [100, 1000])
def test_rows_of_one_length_make_batches_of_about_one_size(batch_tokens: int) -> None:
    lengths = np.full(800, 9, dtype=np.int32)
    sampler = TokenBatches(lengths, lengths, batch_tokens=batch_tokens, seed=1)
    sizes = {len(rows) for rows in batches(sampler)}
    assert max(sizes) - min(sizes) <= 8
    assert batch_tokens // 10 in sizes or max(sizes) - batch_tokens // 10 < 8


@pytest.mark.parametrize("num_rows", [1, 2, 5])
def test_a_corpus_smaller_than_a_batch_is_one_batch(num_rows: int) -> None:
    lengths = np.arange(1, num_rows + 1, dtype=np.int32)
    sampler = TokenBatches(lengths, lengths, batch_tokens=4096, seed=1)
    assert sampler.num_batches == 1
    assert sorted(sampler.rows(3).tolist()) == list(range(num_rows))


@pytest.mark.parametrize("epoch", range(3))
def test_a_row_longer_than_a_batch_makes_no_batch_empty_and_no_row_missing(epoch: int) -> None:
    lengths = np.array([5] * 64 + [200], dtype=np.int32)
    sampler = TokenBatches(lengths, lengths, batch_tokens=100, seed=1)
    found = batches(sampler, epoch)
    assert all(found)
    assert {row for rows in found for row in rows} == set(range(65))
