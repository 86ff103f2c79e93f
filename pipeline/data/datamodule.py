"""The LightningDataModule: encoded pairs as batches, the training's indexed by its step."""

from collections.abc import Iterator, Mapping

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import LabelledBatch, Seq2SeqBatch, collate, collate_labelled
from pipeline.data.by_step import BatchesByStep, DataModuleByStep, Position
from pipeline.data.config import DataConfig
from pipeline.data.prepare import PreparedCorpus
from pipeline.data.sampler import TokenBatches
from pipeline.data.soft_labels import SoftLabelTable
from pipeline.ragged import Ragged
from pipeline.subwords import SubwordSampler

TextBatch = Seq2SeqBatch | LabelledBatch


class TrainingBatches(BatchesByStep[TextBatch]):
    """The training pairs, in batches that are a function of the seed and the index.

    Args:
        corpus: The encoded pairs.
        seed: Of the order of the pairs, and of subword sampling.
        position: Where the training is.
        soft_labels: Of the pairs, where there are teachers.
    """

    def __init__(
        self,
        corpus: PreparedCorpus,
        *,
        seed: int,
        position: Position,
        soft_labels: SoftLabelTable | None = None,
    ) -> None:
        super().__init__(position)
        self._corpus = corpus
        self._pairs = _ids(corpus.train)
        self._soft_labels = soft_labels
        self._seed = seed
        self._samplers = _samplers(corpus) if corpus.config.tokenizer.samples else {}
        config, lengths = corpus.config, _lengths(corpus.train)
        self._batches = TokenBatches(*lengths, batch_tokens=config.batch_tokens, seed=seed)
        self._num_before_ending = config.ending_from * position.num_ranks
        self._ending = (
            TokenBatches(*lengths, batch_tokens=config.ending_batch_tokens, seed=seed)
            if config.ending_from
            else None
        )

    def batch(self, index: int) -> TextBatch:
        """The batch with this index: of one rank, the index is the step."""
        rows = self._rows(index)
        pairs = _ragged(self._pairs[rows])
        random = np.random.default_rng([self._seed, index])
        for column, sampler in self._samplers.items():
            pairs[column] = sampler.sample(pairs[column], random)
        batch = _collate(pairs, self._corpus.config)
        if self._soft_labels is None:
            return batch
        assert isinstance(batch, Seq2SeqBatch)
        return self._soft_labels.added(batch, rows)

    def _rows(self, index: int) -> NDArray[np.int64]:
        if self._ending is None or index < self._num_before_ending:
            return self._batches.rows(index)
        return self._ending.rows(index - self._num_before_ending)


class ValidationBatches(IterableDataset[TextBatch]):
    """Each pair once, sorted by length, in batches of about as many tokens."""

    def __init__(self, pairs: datasets.Dataset, config: DataConfig) -> None:
        super().__init__()
        self._pairs = _ids(pairs)
        self._config = config
        source_lengths, target_lengths = _lengths(pairs)
        costs = np.maximum(source_lengths, target_lengths) + 1
        order = np.argsort(costs, kind="stable")
        bins = np.cumsum(costs[order]) // config.batch_tokens
        self._batches = np.split(order, np.flatnonzero(np.diff(bins)) + 1)

    def __iter__(self) -> Iterator[TextBatch]:
        for rows in self._batches:
            yield _collate(_ragged(self._pairs[rows]), self._config)


class TextDataModule(DataModuleByStep):
    """Batches of a prepared corpus: of pairs, or of sentences with their labels.

    Args:
        corpus: The encoded pairs.
        seed: Together with the step it determines a training batch.
        soft_labels: Of the training pairs, where there are teachers.
    """

    def __init__(
        self, corpus: PreparedCorpus, *, seed: int, soft_labels: SoftLabelTable | None = None
    ) -> None:
        super().__init__()
        self.corpus = corpus
        self.seed = seed
        self.soft_labels = soft_labels

    def training_batches(self, position: Position) -> TrainingBatches:
        """See `DataModuleByStep.training_batches`."""
        return TrainingBatches(
            self.corpus, seed=self.seed, position=position, soft_labels=self.soft_labels
        )

    def val_dataloader(self) -> DataLoader[TextBatch]:
        """The validation pairs, the short ones first."""
        return DataLoader(
            ValidationBatches(self.corpus.validation, self.corpus.config), batch_size=None
        )


def _collate(pairs: Mapping[str, Ragged], config: DataConfig) -> TextBatch:
    sources, targets = pairs["source_ids"], pairs["target_ids"]
    if config.task == "classification":
        return collate_labelled(sources, targets.ids.tolist())
    return collate(sources, targets)


def _ids(pairs: datasets.Dataset) -> datasets.Dataset:
    """The ids alone, as Arrow tables: no Python object for each of them."""
    return pairs.select_columns(["source_ids", "target_ids"]).with_format("arrow")


def _ragged(pairs: pa.Table) -> dict[str, Ragged]:
    columns = {name: pairs[name].combine_chunks() for name in pairs.column_names}
    return {
        name: Ragged(ids.flatten().to_numpy(), pc.list_value_length(ids).to_numpy().astype(int))
        for name, ids in columns.items()
    }


def _lengths(pairs: datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    columns = pairs.with_format("numpy")
    return (
        np.asarray(columns["source_length"][:], dtype=np.int32),
        np.asarray(columns["target_length"][:], dtype=np.int32),
    )


def _samplers(corpus: PreparedCorpus) -> dict[str, SubwordSampler]:
    """By column; the target of a classifier is a label."""
    tokenizer = corpus.config.tokenizer
    tokenizers = {"source_ids": corpus.source_tokenizer, "target_ids": corpus.target_tokenizer}
    if corpus.config.task == "classification":
        del tokenizers["target_ids"]
    return {
        column: SubwordSampler(each, alpha=tokenizer.sampling_alpha, dropout=tokenizer.bpe_dropout)
        for column, each in tokenizers.items()
    }
