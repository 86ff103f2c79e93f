import itertools

import pytest
import torch

from pipeline.batch import collate_sources
from pipeline.chat.candidates import find_candidates
from pipeline.decoding import (
    EncodedSource,
    LengthLimit,
    MinLength,
    NoRepeatNgram,
    Rule,
    Sampler,
    greedy_search,
)
from pipeline.nn.decoder import DecoderState
from tests.unit.decoding.test_search import network

LIMIT = LengthLimit(ratio=0.0, extra=8)
GREEDY = Sampler(temperature=0.0)
RULES: list[Rule] = [NoRepeatNgram(2), MinLength(2)]


def source(seed: int) -> EncodedSource[DecoderState]:
    return EncodedSource(network(seed), *collate_sources([[4, 5, 6]]))


def drawn(seed: int) -> Sampler:
    return Sampler(temperature=1.0, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(4))
def test_without_temperature_the_greedy_reply_is_among_them(seed: int) -> None:
    found = find_candidates(source(seed), 4, limit=LIMIT, sampler=GREEDY)
    (greedy,) = greedy_search(network(seed), *collate_sources([[4, 5, 6]]), limit=LIMIT)
    assert greedy.ids in found
    assert len(found) >= 4


@pytest.mark.parametrize("sampler", [GREEDY, drawn(1)])
@pytest.mark.parametrize("num_candidates", [1, 3])
def test_candidates_differ_and_keep_the_rules(sampler: Sampler, num_candidates: int) -> None:
    found = find_candidates(source(0), num_candidates, limit=LIMIT, sampler=sampler, rules=RULES)
    assert 1 <= len(found) <= 2 * num_candidates
    assert len({tuple(ids) for ids in found}) == len(found)
    for ids in found:
        pairs = list(itertools.pairwise(ids))
        assert len(set(pairs)) == len(pairs)
        assert 2 <= len(ids) <= 8


def test_with_a_temperature_they_are_drawn() -> None:
    found = [find_candidates(source(0), 4, limit=LIMIT, sampler=drawn(seed)) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
