"""Whether two models can be compared, and what they were trained on."""

import logging
from collections.abc import Sequence

from pipeline.data.config import DataConfig
from pipeline.errors import ModelError, UserError
from pipeline.evaluation.corpus import data_config, load_pairs
from pipeline.model_folder import TrainedModel

_log = logging.getLogger(__name__)


def expect_comparable(models: tuple[TrainedModel, TrainedModel], names: tuple[str, str]) -> None:
    """Both have to be translators of the same columns; the tokenizers may differ.

    Args:
        models: A and B.
        names: What they were called.

    Raises:
        ModelError: They are not.
    """
    for trained, name in zip(models, names, strict=True):
        if trained.task != "translation":
            raise ModelError(f"{name}: a model for {trained.task}; expected translation")
    expected, found = (_columns(data_config(trained)) for trained in models)
    if found != expected:
        raise ModelError(
            f"{names[1]}: translates the column {' to '.join(found)}; "
            f"expected {' to '.join(expected)}, as {names[0]} does"
        )


def was_split_alike(models: tuple[TrainedModel, TrainedModel]) -> bool:
    """Whether what one model was not trained on, the other was not trained on either.

    Judged by what their descriptions say: the same corpus, with splits made in the same way.
    """
    a, b = (data_config(trained) for trained in models)
    return all(getattr(a, key) == getattr(b, key) for key in ("path", "split_by", "held_out_rows"))


def training_targets(trained: TrainedModel) -> Sequence[str] | None:
    """The target side of the model's training split; None, with a warning, without the corpus."""
    try:
        return load_pairs(trained, path=None, split="train").references
    except UserError as error:
        _log.warning("no table by frequency of words, for want of training text: %s", error)
        return None


def _columns(config: DataConfig) -> tuple[str, str]:
    return config.source, config.target
