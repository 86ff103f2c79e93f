"""Fine-tuning: a training that begins with a trained model in place of random weights."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.data.config import DataConfig
from pipeline.data.prepare import keep_tokenizer, tokenizer_files
from pipeline.errors import ConfigError, ModelError
from pipeline.languages import targets_of
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.network import Network
from pipeline.task import Task
from pipeline.training.config import RunConfig

_MAY_DIFFER = {
    "dropout",
    "variational_dropout",
    "word_dropout",
    "embedding_dropout",
    "weight_dropout",
    # Of random weights, in whose place those of the model come.
    "recurrent_init",
    "memory_bias",
    "chrono_steps",
}
"""Keys of the `model` section that change nothing in what trained weights mean."""


def load_beginning(config: RunConfig, task: Task) -> TrainedModel:
    """The model of `trainer.begin_with`, which has to be what the configuration describes.

    Raises:
        ConfigError: It is not: the first key that differs.
        ModelError: The model folder cannot be read.
    """
    folder = config.trainer.begin_with
    assert folder is not None
    try:
        trained = load_model(folder)
    except ModelError as error:
        raise ModelError(f"trainer.begin_with: {error}") from error
    if trained.task != task:
        raise ConfigError(
            f"trainer.begin_with: {folder} is a model for {trained.task}; expected {task}"
        )
    there, here = asdict(trained.network.config), asdict(config.model)
    for name in (name for name in there if name not in _MAY_DIFFER):
        _expect(f"model.{name}", there[name], here[name], folder)
    if trained.tokenizers:
        expect_tokenizers(config.data, trained, folder)
        _expect_tags(config.data, trained.source_tokenizer.languages, folder)
    return trained


def expect_tokenizers(data: DataConfig, trained: TrainedModel, folder: str) -> None:
    """Check that a run can use a model's tokenizers in place of its own.

    Raises:
        ConfigError: It asks for others.
    """
    is_joint = len(tokenizer_files(data, Path())) == 1
    _expect("data.tokenizer.joint", len(trained.tokenizers) == 1, is_joint, folder)
    size = len(trained.source_tokenizer)
    _expect("data.tokenizer.vocab_size", size, data.tokenizer.vocab_size, folder)


def keep_tokenizers(trained: TrainedModel, files: tuple[Path, ...]) -> None:
    """Put the model's tokenizers where a run that goes on looks for its own."""
    for tokenizer, file in zip(trained.tokenizers, files, strict=True):
        if not file.is_file():
            keep_tokenizer(tokenizer, file)


def begin_with_weights(
    network: Network, trained: TrainedModel, *, labels: Sequence[str] | None = None
) -> None:
    """Copy the weights of the trained model.

    Raises:
        ConfigError: It is a classifier of other labels.
    """
    if labels is not None:
        _expect("data.labels", trained.labels, labels, trained.name)
    network.load_state_dict(trained.network.state_dict())


def _expect_tags(data: DataConfig, there: Sequence[str], folder: str) -> None:
    """A model that reads tags goes on with some of them; no other model can begin to."""
    here = targets_of(data.directions) if data.is_multilingual else []
    if there and not here:
        raise ConfigError(
            f"data.target: expected a list of some of {', '.join(there)}, as {folder} reads tags "
            f"of target languages, got {data.target}"
        )
    if unknown := [language for language in here if language not in there]:
        expected = f"some of {', '.join(there)}" if there else "one column, and one data.source"
        raise ConfigError(f"data.target: expected {expected}, as {folder} has it, got {unknown[0]}")


def _expect(key: str, there: Any, here: Any, folder: str) -> None:
    if there != here:
        raise ConfigError(f"{key}: expected {there}, as {folder} has it, got {here}")
