"""The mean of the weights of models that began with the same one."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.errors import ModelError
from pipeline.model_average import average_models
from pipeline.model_folder import TrainedModel, load_model, save_model
from tests.building import build_model


@pytest.fixture
def beginning(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


def _moved(beginning: TrainedModel, folder: Path, *, by: float) -> Path:
    trained = load_model(folder.parent / "beginning")
    with torch.no_grad():
        for parameter in trained.network.parameters():
            parameter.add_(by)
    save_model(replace(trained, name=folder.name), folder)
    return folder


@pytest.fixture
def folders(beginning: TrainedModel, tmp_path: Path) -> list[str]:
    scores = {"test": {"bleu": 12.0}}
    save_model(replace(beginning, name="beginning", scores=scores), tmp_path / "beginning")
    moved = (_moved(beginning, tmp_path / name, by=by) for name, by in (("a", 0.01), ("b", -0.04)))
    return [str(tmp_path / "beginning"), *map(str, moved)]


def test_every_weight_is_the_mean(beginning: TrainedModel, folders: list[str]) -> None:
    averaged = average_models(folders, name="mean", command="seq2seq average")
    expected = dict(beginning.network.named_parameters())
    assert expected
    for name, parameter in averaged.network.named_parameters():
        assert torch.allclose(parameter, expected[name] - 0.01, atol=1e-6), name


def test_a_model_that_is_given_twice_counts_twice(
    beginning: TrainedModel, folders: list[str]
) -> None:
    averaged = average_models([folders[0], folders[2], folders[2]], name="mean", command="")
    expected = beginning.network.state_dict()["output_bias"] - 0.08 / 3
    assert torch.allclose(averaged.network.state_dict()["output_bias"], expected, atol=1e-6)


def test_nothing_has_scored_it_and_all_else_is_the_first_s(folders: list[str]) -> None:
    averaged = average_models(folders, name="mean", command="seq2seq average a b")
    first = load_model(folders[0])
    assert (averaged.name, averaged.command, averaged.scores) == ("mean", "seq2seq average a b", {})
    assert (averaged.task, averaged.data) == (first.task, first.data)
    assert averaged.source_tokenizer.fingerprint == first.source_tokenizer.fingerprint
    assert not averaged.network.training


def test_a_model_of_another_seed_has_no_mean_with_it(
    beginning: TrainedModel, folders: list[str], tmp_path: Path
) -> None:
    tokenizer = beginning.source_tokenizer
    torch.manual_seed(77)
    network = build_model(beginning.model.config, tokenizer, tokenizer)
    save_model(replace(beginning, network=network), tmp_path / "other")
    with pytest.raises(ModelError, match=r"other: expected a model that began with the same one"):
        average_models([folders[0], str(tmp_path / "other")], name="mean", command="")


def test_a_model_of_other_sizes_has_no_mean_with_it(
    beginning: TrainedModel, folders: list[str], tmp_path: Path
) -> None:
    tokenizer, config = beginning.source_tokenizer, beginning.model.config
    larger = build_model(replace(config, hidden_size=2 * config.hidden_size), tokenizer, tokenizer)
    save_model(replace(beginning, network=larger), tmp_path / "larger")
    with pytest.raises(ModelError, match=r"larger: expected a model of the kind and sizes of"):
        average_models([folders[0], str(tmp_path / "larger")], name="mean", command="")
