from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.chat import ChatSettings
from pipeline.context import join_turns
from pipeline.errors import ConfigError
from pipeline.evaluation import Pairs
from pipeline.evaluation.chat import write_replies
from pipeline.evaluation.sheet import Comparison, compare_replies
from pipeline.model_folder import TrainedModel, load_model

_CONTEXTS = [join_turns(["안녕하세요", f"Where is station {n}?", "풀밭 🙂"]) for n in range(30)]
_PAIRS = Pairs(
    split="test", sources=["", *_CONTEXTS, *_CONTEXTS], references=["x"] * (1 + 2 * len(_CONTEXTS))
)
_SETTINGS = ChatSettings(max_tokens=8)


@pytest.fixture(scope="module")
def models(tiny_chat_folder: Path) -> tuple[TrainedModel, TrainedModel]:
    a, b = load_model(tiny_chat_folder), load_model(tiny_chat_folder)
    with torch.no_grad():
        b.model.decoder.W_c.weight.neg_()
    return a, b


def _compare(
    models: tuple[TrainedModel, TrainedModel], *, num: int = 12, seed: int = 0
) -> Comparison:
    settings = replace(_SETTINGS, seed=seed)
    return compare_replies(models, _PAIRS, names=("one", "two"), num=num, settings=settings)


def test_replies_are_those_of_their_models(models: tuple[TrainedModel, TrainedModel]) -> None:
    comparison = _compare(models)
    contexts = [join_turns(item.turns) for item in comparison.items]
    said = [write_replies(trained, contexts, settings=_SETTINGS).hypotheses for trained in models]
    assert [item.a for item in comparison.items] == said[0]
    assert [item.b for item in comparison.items] == said[1]
    assert (comparison.model_a, comparison.model_b) == ("one", "two")


def test_contexts_are_drawn_once_each_and_have_text(
    models: tuple[TrainedModel, TrainedModel],
) -> None:
    comparison = _compare(models, num=500)
    assert len(comparison.items) + comparison.num_same == len(_CONTEXTS)
    assert len({item.turns for item in comparison.items}) == len(comparison.items)
    assert {item.turns[0] for item in comparison.items} == {"안녕하세요"}
    assert all(len(item.turns) == 3 for item in comparison.items)


def test_the_seed_draws_the_contexts_and_the_sides(
    models: tuple[TrainedModel, TrainedModel],
) -> None:
    first, again, other = (_compare(models, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert [item.turns for item in first.items] != [item.turns for item in other.items]
    assert {item.left for item in _compare(models, num=30).items} == {"a", "b"}


def test_the_same_words_are_not_shown(models: tuple[TrainedModel, TrainedModel]) -> None:
    comparison = _compare(models, num=30)
    assert all(item.a != item.b for item in comparison.items)
    with pytest.raises(ConfigError, match="^one, two: expected models that differ; .* 12 contexts"):
        _compare((models[0], models[0]))
