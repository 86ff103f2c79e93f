from pathlib import Path

import pytest

from pipeline.batch import collate_sources
from pipeline.decoding import LengthLimit
from pipeline.decoding import attention_along as torch_attention_along
from pipeline.decoding import beam_search as torch_beam_search
from pipeline.decoding import greedy_search as torch_greedy_search
from pipeline.model_folder import TrainedModel
from pipeline.runtime.folder import ExportedFolder
from pipeline.runtime.model import OnnxModel
from pipeline.runtime.search import attention_along, beam_search, greedy_search
from pipeline.tokenizer import Tokenizer
from tests.exporting import exported, tiny_translator

SOURCES = [[40, 51, 62], [], [70, 81, 92, 103, 114, 125], [13, 14], [5], [201, 5, 66, 7]]
LIMITS = [16, 12, 24, 16, 14, 20]


@pytest.fixture
def trained(tiny_tokenizer: Tokenizer) -> TrainedModel:
    return tiny_translator(tiny_tokenizer, cell="lstm", lexical=True)


@pytest.fixture
def model(trained: TrainedModel, tmp_path: Path) -> OnnxModel:
    return OnnxModel(ExportedFolder.load(exported(trained, tmp_path / "model")), num_threads=1)


def test_greedy_search_finds_the_same_ids_and_log_probabilities(
    model: OnnxModel, trained: TrainedModel
) -> None:
    limit = LengthLimit()
    expected = torch_greedy_search(trained.model, *collate_sources(SOURCES), limit=limit)
    found = greedy_search(model, SOURCES, [2 * (len(ids) + 1) + 10 for ids in SOURCES])
    assert [each.ids for each in found] == [each.ids for each in expected]
    assert len({len(each.ids) for each in found}) > 2
    for one, other in zip(found, expected, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, rel=1e-4, abs=1e-4)


def test_a_beam_of_one_is_greedy_search(model: OnnxModel) -> None:
    greedy = greedy_search(model, SOURCES, LIMITS)
    (beams,) = zip(*beam_search(model, SOURCES, LIMITS, beam_size=1), strict=True)
    assert [each.ids for each in beams] == [each.ids for each in greedy]
    for one, other in zip(beams, greedy, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("coverage_penalty", [0.0, 0.4])
def test_a_beam_finds_the_same_hypotheses(
    model: OnnxModel, trained: TrainedModel, coverage_penalty: float
) -> None:
    expected = torch_beam_search(
        trained.model,
        *collate_sources(SOURCES),
        beam_size=4,
        limit=LengthLimit(),
        length_penalty=0.6,
        coverage_penalty=coverage_penalty,
    )
    found = beam_search(
        model,
        SOURCES,
        [2 * (len(ids) + 1) + 10 for ids in SOURCES],
        beam_size=4,
        length_penalty=0.6,
        coverage_penalty=coverage_penalty,
    )
    assert [[each.ids for each in row] for row in found] == [
        [each.ids for each in row] for row in expected
    ]
    for row, expected_row in zip(found, expected, strict=True):
        for one, other in zip(row, expected_row, strict=True):
            assert one.score == pytest.approx(other.score, rel=1e-3)


def test_no_hypothesis_is_longer_than_its_limit(model: OnnxModel) -> None:
    limits = [3, 1, 2, 5, 4, 1]
    found = greedy_search(model, SOURCES, limits)
    freely = greedy_search(model, SOURCES, LIMITS)
    for hypothesis, whole, limit in zip(found, freely, limits, strict=True):
        assert hypothesis.ids == whole.ids[:limit]
    for nbest, limit in zip(beam_search(model, SOURCES, limits, beam_size=3), limits, strict=True):
        assert all(len(hypothesis.ids) <= limit for hypothesis in nbest)


def test_attention_along_a_target_is_that_of_the_network(
    model: OnnxModel, trained: TrainedModel
) -> None:
    target = [9, 80, 71]
    expected = torch_attention_along(trained.model, *collate_sources(SOURCES[2:3]), target)
    found = attention_along(model, SOURCES[2], target)
    assert len(found) == 4
    for row, expected_row in zip(found, expected.tolist(), strict=True):
        assert row == pytest.approx(expected_row, abs=1e-5)
