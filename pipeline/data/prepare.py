"""From a configuration to encoded pairs: every step between the files and the batches, in order."""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import datasets

from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpora
from pipeline.data.encoding import encode_pairs
from pipeline.data.filters import CleaningReport, clean_pairs
from pipeline.data.labels import Labels
from pipeline.data.mixture import mixed
from pipeline.data.multilingual import expect_pairs
from pipeline.data.pairs import text_pairs
from pipeline.errors import DataError
from pipeline.languages import targets_of
from pipeline.text import normalize
from pipeline.tokenizer import Tokenizer, train_tokenizer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedCorpus:
    """What training needs of a corpus.

    Attributes:
        config: What it was made by; of a classifier, with its labels.
        corpora: The raw rows of `train` and `validation`; of several corpora a mapping each.
        source_tokenizer: Trained on the training split.
        target_tokenizer: The same object where the vocabulary is joint, or where the target is not
            text but a label.
        train: Encoded pairs, cleaned, each corpus as often as `config.repeats` says.
        validation: Encoded pairs, cleaned.
        validation_text: The validation pairs as text, in the columns `source` and `target`, and of
            several languages `target_language`.
    """

    config: DataConfig
    corpora: Sequence[Mapping[str, datasets.Dataset]]
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    train: datasets.Dataset
    validation: datasets.Dataset
    validation_text: datasets.Dataset

    @property
    def tokenizers(self) -> tuple[Tokenizer, ...]:
        """Of source and target; one where they share it."""
        if self.source_tokenizer is self.target_tokenizer:
            return (self.source_tokenizer,)
        return (self.source_tokenizer, self.target_tokenizer)


def prepare(config: DataConfig, tokenizer_folder: Path) -> PreparedCorpus:
    """Load, pair, clean, train the tokenizers, encode.

    Args:
        config: The `data` section.
        tokenizer_folder: Where the tokenizers are kept: a run that goes on uses those that it
            began with.

    Raises:
        DataError: The corpus cannot be read, or too little is left of it, or of one direction.
        ConfigError: The vocabulary size does not suit the corpus.
    """
    corpora = load_corpora(config)
    if config.task == "classification":
        config = replace(config, labels=_labels(corpora[0]["train"], config))
    if config.is_multilingual:
        where = f"data.path {config.path}, train"
        expect_pairs(corpora[0]["train"], config.directions, where=where)
    cleaned: dict[str, list[tuple[datasets.Dataset, CleaningReport]]] = {
        split: [_cleaned(corpus[split], config, split) for corpus in corpora]
        for split in ("train", "validation")
    }
    train_text = mixed([pairs for pairs, _ in cleaned["train"]], config.repeats)
    source_tokenizer, target_tokenizer = _tokenizers(train_text, config, tokenizer_folder)
    encoded: dict[str, list[datasets.Dataset]] = {split: [] for split in cleaned}
    for split, parts in cleaned.items():
        for path, (pairs, report) in zip(_names(config), parts, strict=True):
            kept, num_too_long = encode_pairs(
                pairs,
                source_tokenizer,
                target_tokenizer if config.labels is None else Labels(config.labels),
                config,
                drop_too_long=True,
            )
            where = f"{path}, {split}" if config.is_mixture else split
            _log.info("%s: %s", where, report.with_too_long(num_too_long))
            if not len(kept):
                raise DataError(
                    f"data.path {path}: every pair of the split '{split}' has more than "
                    f"data.max_tokens {config.max_tokens} pieces"
                )
            encoded[split].append(kept)
    return PreparedCorpus(
        config=config,
        corpora=corpora,
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        train=mixed(encoded["train"], config.repeats),
        validation=mixed(encoded["validation"]),
        validation_text=mixed([pairs for pairs, _ in cleaned["validation"]]),
    )


def _cleaned(
    rows: datasets.Dataset, config: DataConfig, split: str
) -> tuple[datasets.Dataset, CleaningReport]:
    most = config.max_target_repeats if split == "train" else 0
    return clean_pairs(text_pairs(rows, config), config, max_target_repeats=most)


def _names(config: DataConfig) -> Sequence[object]:
    """What the corpora are called, one each."""
    return config.path if config.is_mixture else [config.path]


def tokenizer_files(config: DataConfig, folder: Path) -> tuple[Path, ...]:
    """Where a run keeps its tokenizers: of source and target, or the one for both."""
    if config.tokenizer.joint or config.task in ("classification", "language_model"):
        return (folder / "joint.model",)
    return (folder / "source.model", folder / "target.model")


def keep_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    tokenizer.save(partial)
    partial.replace(path)


def _tokenizers(
    pairs: datasets.Dataset, config: DataConfig, folder: Path
) -> tuple[Tokenizer, Tokenizer]:
    files = tokenizer_files(config, folder)
    if len(files) == 1:
        columns: tuple[str, ...] = ("source", "target")
        if config.task == "language_model" or (config.dialogue and not config.is_mixture):
            # In a dialogue every turn but the first is a target, and again in the sources after it;
            # but pairs that are mixed in have half of their text in the first.
            columns = ("target",)
        elif config.task == "classification":
            columns = ("source",)
        joint = _tokenizer(pairs, columns, config, files[0])
        return joint, joint
    source, target = files
    return (
        _tokenizer(pairs, ("source",), config, source),
        _tokenizer(pairs, ("target",), config, target),
    )


def _labels(rows: datasets.Dataset, config: DataConfig) -> list[str]:
    """The labels of the configuration, or those that the training split has."""
    target = config.direction.target
    found = {label for label in map(normalize, rows[target]) if label}
    if config.labels is None:
        if len(found) < 2:
            raise DataError(
                f"data.target {target}: expected two different labels or more in the "
                f"training split, found {' '.join(found) or 'none'}"
            )
        return sorted(found)
    if missing := [name for name in config.labels if name not in found]:
        raise DataError(f"data.labels: no row of the training split has the label '{missing[0]}'")
    return config.labels


def _tokenizer(
    pairs: datasets.Dataset, columns: tuple[str, ...], config: DataConfig, path: Path
) -> Tokenizer:
    if path.is_file():
        return Tokenizer.load(path)
    _log.info("training the tokenizer: %s %s pieces", *_size_and_type(config))
    if config.is_multilingual:
        languages = targets_of(config.directions)
        tokenizer = train_tokenizer(
            _sentences(pairs, columns), config.tokenizer, languages=languages
        )
    else:
        tokenizer = train_tokenizer(_texts(pairs, columns), config.tokenizer)
    keep_tokenizer(tokenizer, path)
    return tokenizer


def _size_and_type(config: DataConfig) -> tuple[str, str]:
    return f"{config.tokenizer.vocab_size:,}", config.tokenizer.model_type


def _texts(pairs: datasets.Dataset, columns: tuple[str, ...]) -> Iterator[str]:
    for batch in pairs.iter(batch_size=1000):
        for column in columns:
            yield from batch[column]


def _sentences(pairs: datasets.Dataset, columns: tuple[str, ...]) -> Iterator[str]:
    """The texts, a sentence once: it stands in a pair of each direction, one after the other."""
    for batch in pairs.iter(batch_size=1000):
        yield from dict.fromkeys(itertools.chain(*(batch[column] for column in columns)))
