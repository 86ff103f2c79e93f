"""Whether two models can be compared, and what they were trained on."""

import logging
from collections.abc import Sequence

from pipeline.data.config import DataConfig
from pipeline.data.corpus import makes_splits
from pipeline.errors import ModelError, UserError
from pipeline.evaluation.corpus import data_config, load_pairs
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel

_log = logging.getLogger(__name__)


def common_directions(
    models: tuple[TrainedModel, TrainedModel], names: tuple[str, str]
) -> list[Direction]:
    """From which columns into which both translate; their tokenizers may differ.

    Args:
        models: A and B.
        names: What they were called.

    Raises:
        ModelError: There is none, or they are not translators.
    """
    for trained, name in zip(models, names, strict=True):
        if trained.task != "translation":
            raise ModelError(f"{name}: a model for {trained.task}; expected translation")
    expected, found = (trained.directions for trained in models)
    if common := [direction for direction in expected if direction in found]:
        return common
    raise ModelError(
        f"{names[1]}: translates the column {', '.join(map(str, found))}; "
        f"expected {', '.join(map(str, expected))}, as {names[0]} does"
    )


def was_split_alike(models: tuple[TrainedModel, TrainedModel]) -> bool:
    """Whether what one model was not trained on, the other was not trained on either.

    Judged by what their descriptions say: the same corpus, with splits made in the same way.
    """
    a, b = (data_config(trained) for trained in models)
    if any(getattr(a, key) != getattr(b, key) for key in ("path", "split_by", "held_out_rows")):
        return False
    return _kept_together(a) == _kept_together(b) or not makes_splits(a)


def _kept_together(config: DataConfig) -> object:
    """What rows of the same split share, by default."""
    by_any = config.is_multilingual and config.split_by is None
    return set(config.columns) if by_any else None


def training_targets(trained: TrainedModel, direction: Direction) -> Sequence[str] | None:
    """The target side of the model's training split; None, with a warning, without the corpus."""
    try:
        return load_pairs(trained, path=None, split="train", direction=direction).references
    except UserError as error:
        _log.warning("no table by frequency of words, for want of training text: %s", error)
        return None
