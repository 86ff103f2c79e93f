from itertools import pairwise
from pathlib import Path

import pytest
import torch

from pipeline.batch import collate_sources
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.insight.state_plot import drops, plot_states
from pipeline.insight.states import state_map
from pipeline.model_folder import TrainedModel, load_model
from pipeline.tokenizer import Tokenizer
from tests.building import build_untrained

_SENTENCES = ["The little dog runs.", "Where is the station?", "강아지가 뛰어다녀요.", "Hund"]


@pytest.fixture
def trained(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


def test_each_sentence_has_its_place(trained: TrainedModel, tmp_path: Path) -> None:
    states = state_map(trained, [*_SENTENCES, "  ", ""])
    assert states.sentences == _SENTENCES
    assert len(states.points) == len(_SENTENCES)
    assert 0 < states.explained[1] <= states.explained[0] <= 1
    # The components are centred and have nothing in common.
    for axis in (0, 1):
        assert sum(point[axis] for point in states.points) == pytest.approx(0, abs=1e-6)
    assert sum(x * y for x, y in states.points) == pytest.approx(0, abs=1e-6)
    plot_states(states, tmp_path / "states.svg")
    assert "<svg" in (tmp_path / "states.svg").read_text(encoding="utf-8")


def test_the_distances_of_three_sentences_are_those_of_their_states(trained: TrainedModel) -> None:
    found = state_map(trained, _SENTENCES[:3])
    assert sum(found.explained) == pytest.approx(1)  # three points lie in a plane
    alone = []
    for sentence in _SENTENCES[:3]:
        source = collate_sources([trained.source_tokenizer.encode(sentence)])
        with torch.inference_mode():
            alone.append(trained.model.encoder(*source).final_states[-1])
    distances = torch.pdist(torch.cat(alone).double())
    torch.testing.assert_close(torch.pdist(torch.tensor(found.points).double()), distances)


def test_the_same_sentence_has_the_same_place(trained: TrainedModel) -> None:
    points = state_map(trained, [*_SENTENCES, _SENTENCES[0]]).points
    assert points[0] == pytest.approx(points[-1], abs=1e-5)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (["one", " ", "two"], "three sentences or more, got 2"),
        (["one"] * 3, "expected sentences that differ"),
    ],
)
def test_what_has_no_map(trained: TrainedModel, sentences: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        state_map(trained, sentences)


def test_other_kinds_that_read_text_have_their_map_too(tiny_tokenizer: Tokenizer) -> None:
    for config in (
        DataConfig(path="x", task="classification", labels=["a", "b"]),
        DataConfig(path="x", task="language_model"),
    ):
        assert state_map(build_untrained(config, tiny_tokenizer), _SENTENCES).sentences
    numbers = build_untrained(DataConfig(path="x", task="forecast"))
    with pytest.raises(ModelError, match="a model for forecast; expected one that reads text"):
        state_map(numbers, _SENTENCES)


def test_labels_of_points_that_lie_together_are_put_below_each_other() -> None:
    together = [(100.0, 50.0), (103.0, 52.0), (101.0, 51.0), (100.0, 43.0)]
    lines = sorted(
        (y - drop for (_, y), drop in zip(together, drops(together), strict=True)), reverse=True
    )
    assert all(above - below >= 11 for above, below in pairwise(lines))
    assert drops(together)[1] == 0  # the topmost stays
    assert drops([(0.0, 50.0), (400.0, 50.0), (0.0, 80.0)]) == [0, 0, 0]


def test_states_are_those_of_a_target_language(tiny_multilingual_folder: Path) -> None:
    trained = load_model(tiny_multilingual_folder)
    german, korean = (
        state_map(trained, _SENTENCES, target_language=each).points for each in ("de", "ko")
    )
    assert german[0] != pytest.approx(korean[0])
    with pytest.raises(ConfigError, match="target_language: expected one of de, ko, got none$"):
        state_map(trained, _SENTENCES)
