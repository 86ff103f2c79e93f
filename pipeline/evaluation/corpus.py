"""What a model is judged by: a split of a corpus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import datasets
import numpy as np
from numpy.typing import NDArray

from pipeline.context import MAX_TURNS
from pipeline.data.config import DataConfig
from pipeline.data.corpus import is_single_file, load_split
from pipeline.data.pairs import text_pairs
from pipeline.errors import DataError
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel
from pipeline.tokenizer import TokenizerConfig


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Sentences to judge a model by.

    Attributes:
        split: The split that they are, or the name of the file that was scored whole.
        sources: What the model is given.
        references: What is expected.
        direction: Of a translator: the languages of both.
    """

    split: str
    sources: Sequence[str]
    references: Sequence[str]
    direction: Direction | None = None

    @property
    def target_language(self) -> str | None:
        """What to translate into."""
        return self.direction.target if self.direction else None


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A series to judge a model by.

    Attributes:
        split: The split that it is, or the name of the file that was scored whole.
        values: In the order of time.
    """

    split: str
    values: NDArray[np.float32]


def load_pairs(
    trained: TrainedModel, *, path: str | None, split: str, direction: Direction | None = None
) -> Pairs:
    """The pairs of the corpus that the model was trained on, or of another with its columns.

    A classifier's references are labels, a language model's are its sources.

    Args:
        trained: Its description names the corpus, its columns and how it was split.
        path: Another corpus; one file is taken whole, whatever the split.
        split: Which split.
        direction: Of a translator of several languages: which of its directions.

    Raises:
        DataError: The corpus cannot be read, or has no such split.
    """
    config, rows, name = _load(trained, path, split)
    remembers = trained.task == "chat" and trained.context_tokens is None
    max_turns = None if remembers else MAX_TURNS
    pairs = text_pairs(rows, config, max_turns=max_turns, direction=direction)
    if not len(pairs):
        what = f"pair of {direction}" if direction else "pair"
        raise DataError(f"{config.path}: no {what} in the split '{split}'")
    return Pairs(
        split=name,
        sources=list(pairs["source"]),
        references=list(pairs["target"]),
        direction=direction,
    )


def load_numbers(trained: TrainedModel, *, path: str | None, split: str) -> Numbers:
    """The series that the model was trained on, or another in its column; see `load_pairs`."""
    config, rows, name = _load(trained, path, split)
    if len(rows) < 2:
        raise DataError(f"{config.path}: expected two numbers or more in the split '{split}'")
    return Numbers(split=name, values=np.asarray(rows[config.direction.target], dtype=np.float32))


def data_config(trained: TrainedModel, path: str | None = None) -> DataConfig:
    """The `data` section that the model was trained with, but for a corpus that is given."""
    values = dict(trained.data)
    config = DataConfig(**{**values, "tokenizer": TokenizerConfig(**values["tokenizer"])})
    if path is None:
        return config
    return replace(config, path=[path] if config.is_mixture else path, repeats=None)


def _load(
    trained: TrainedModel, path: str | None, split: str
) -> tuple[DataConfig, datasets.Dataset, str]:
    config = data_config(trained, path)
    whole_file = path is not None and is_single_file(path)
    rows = load_split(config, split, whole_file=whole_file)
    return config, rows, str(path) if whole_file else split
