import math
from functools import partial

import pytest
import torch
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import Ensemble, LengthLimit, beam_search, greedy_search, search_best
from pipeline.tokenizer import BOS_ID, EOS_ID
from tests.unit.decoding.test_coverage import LookingScript
from tests.unit.decoding.test_search import SOURCES, A, B, C, Script, network, seeds

LIMIT = LengthLimit(ratio=1.0, extra=3)
beam_sizes = pytest.mark.parametrize("beam_size", [1, 3])

ONE = Script({BOS_ID: {A: 0.6, B: 0.3, C: 0.1}, **{t: {EOS_ID: 1.0} for t in (A, B, C)}})
OTHER = Script({BOS_ID: {A: 0.1, B: 0.5, C: 0.4}, **{t: {EOS_ID: 1.0} for t in (A, B, C)}})


def test_the_mean_of_the_probabilities_by_hand() -> None:
    ensemble = Ensemble([ONE, OTHER])
    state = ensemble.encode(*collate_sources([[A]]))
    log_probs, _ = ensemble.step(torch.tensor([BOS_ID]), state)
    expected = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.35, 0.4, 0.25])
    torch.testing.assert_close(log_probs.exp()[0], expected)


def test_what_both_find_good_beats_what_each_finds_best() -> None:
    # One takes A, the other B; of the geometric mean B would have 0.387, C 0.2, A 0.245.
    source = collate_sources([[A]])
    (found,) = greedy_search(Ensemble([ONE, OTHER]), *source, limit=LIMIT)
    assert found.ids == [B]
    assert found.log_prob == pytest.approx(math.log(0.4))
    assert greedy_search(ONE, *source, limit=LIMIT)[0].ids == [A]


def test_the_n_best_by_hand() -> None:
    (nbest,) = beam_search(
        Ensemble([ONE, OTHER]), *collate_sources([[A]]), beam_size=3, limit=LIMIT
    )
    assert [h.ids for h in nbest] == [[B], [A], [C]]
    assert [math.exp(h.log_prob) for h in nbest] == pytest.approx([0.4, 0.35, 0.25])


@seeds
@beam_sizes
@pytest.mark.parametrize("coverage_penalty", [0.0, 0.3])
def test_a_model_with_itself_is_the_model(
    seed: int, beam_size: int, coverage_penalty: float
) -> None:
    model = network(seed)
    search = partial(search_best, coverage_penalty=coverage_penalty, beam_size=beam_size)
    alone = search(model, *collate_sources(SOURCES), limit=LIMIT)
    twice = search(Ensemble([model, model, model]), *collate_sources(SOURCES), limit=LIMIT)
    assert [h.ids for h in twice] == [h.ids for h in alone]
    assert [h.log_prob for h in twice] == pytest.approx([h.log_prob for h in alone], abs=1e-4)


@seeds
@beam_sizes
def test_models_of_other_kinds_in_a_batch_are_as_alone(seed: int, beam_size: int) -> None:
    # The states differ in their layers; rows leave the batch and beams change places.
    ensemble = Ensemble([network(seed), network(seed + 9, "lstm"), network(seed, "elman", "none")])
    together = search_best(ensemble, *collate_sources(SOURCES), beam_size=beam_size, limit=LIMIT)
    for source, hypothesis in zip(SOURCES, together, strict=True):
        (alone,) = search_best(
            ensemble, *collate_sources([source]), beam_size=beam_size, limit=LIMIT
        )
        assert hypothesis.ids == alone.ids
        assert hypothesis.log_prob == pytest.approx(alone.log_prob, abs=1e-4)


@seeds
def test_the_order_of_the_models_does_not_matter(seed: int) -> None:
    models = [network(seed), network(seed + 1, "lstm")]
    one, other = (
        greedy_search(Ensemble(each), *collate_sources(SOURCES), limit=LIMIT)
        for each in (models, models[::-1])
    )
    assert [h.ids for h in one] == [h.ids for h in other]


def _weights_after_a_step(*models: Script) -> Tensor | None:
    ensemble = Ensemble(models)
    state = ensemble.encode(*collate_sources([[A, B]]))
    assert state.attention_weights is None
    return ensemble.step(torch.tensor([BOS_ID]), state)[1].attention_weights


def test_it_looks_where_its_models_look_on_the_mean() -> None:
    one, other = LookingScript({}), LookingScript({})
    other.looks = torch.tensor([[0.0, 0.4, 0.6]]).expand(7, 3)
    found = _weights_after_a_step(one, other, Script({}))  # the last looks nowhere
    assert found is not None
    torch.testing.assert_close(found, torch.tensor([[0.3, 0.3, 0.4]]))


def test_where_no_model_has_attention_the_ensemble_has_none() -> None:
    assert _weights_after_a_step(ONE, OTHER) is None
