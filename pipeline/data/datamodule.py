"""The LightningDataModule: encoded pairs as batches, the training's indexed by its step."""

from collections.abc import Callable, Iterator, Sequence

import datasets
import lightning
import numpy as np
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import LabelledBatch, Seq2SeqBatch, collate, collate_labelled
from pipeline.data.cache import Batch
from pipeline.data.config import DataConfig
from pipeline.data.prepare import PreparedCorpus
from pipeline.data.sampler import TokenBatches
from pipeline.tokenizer import Tokenizer

TextBatch = Seq2SeqBatch | LabelledBatch


class TextDataModule(lightning.LightningDataModule):
    """Batches of a prepared corpus: of pairs, or of sentences with their labels.

    Args:
        corpus: The encoded pairs.
        seed: Together with the step it determines a training batch.
    """

    def __init__(self, corpus: PreparedCorpus, *, seed: int) -> None:
        super().__init__()
        self.corpus = corpus
        self.seed = seed

    def train_dataloader(self) -> DataLoader[TextBatch]:
        """Batches without end, from the step that the training is at."""
        assert self.trainer is not None
        trainer = self.trainer
        batches = TrainingBatches(
            self.corpus,
            seed=self.seed,
            first_step=lambda: trainer.global_step,
            rank=trainer.global_rank,
            num_ranks=trainer.world_size,
        )
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader[TextBatch]:
        """The validation pairs, the short ones first."""
        return DataLoader(
            ValidationBatches(self.corpus.validation, self.corpus.config), batch_size=None
        )


class TrainingBatches(IterableDataset[TextBatch]):
    """The batches of the steps from `first_step()` on; of each step, those of one rank."""

    def __init__(
        self,
        corpus: PreparedCorpus,
        *,
        seed: int,
        first_step: Callable[[], int],
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        super().__init__()
        self._corpus = corpus
        self._seed = seed
        self._first_step = first_step
        self._rank = rank
        self._num_ranks = num_ranks
        source_lengths, target_lengths = _lengths(corpus.train)
        self._batches = TokenBatches(
            source_lengths,
            target_lengths,
            batch_tokens=corpus.config.batch_tokens,
            seed=seed,
        )

    def __iter__(self) -> Iterator[TextBatch]:
        step = self._first_step()
        while True:
            yield self.batch(step * self._num_ranks + self._rank)
            step += 1

    def batch(self, index: int) -> TextBatch:
        """The batch with this index: of one rank, the index is the step."""
        corpus = self._corpus
        pairs = corpus.train[self._batches.rows(index)]
        alpha = corpus.config.tokenizer.sampling_alpha
        if alpha:
            random = np.random.default_rng([self._seed, index])
            pairs["source_ids"] = _sampled(
                pairs["source_ids"], corpus.source_tokenizer, alpha, random
            )
            if corpus.config.task != "classification":
                pairs["target_ids"] = _sampled(
                    pairs["target_ids"], corpus.target_tokenizer, alpha, random
                )
        return _collate(pairs, corpus.config)


class ValidationBatches(IterableDataset[TextBatch]):
    """Each pair once, sorted by length, in batches of about as many tokens."""

    def __init__(self, pairs: datasets.Dataset, config: DataConfig) -> None:
        super().__init__()
        self._pairs = pairs
        self._config = config
        source_lengths, target_lengths = _lengths(pairs)
        costs = np.maximum(source_lengths, target_lengths) + 1
        order = np.argsort(costs, kind="stable")
        bins = np.cumsum(costs[order]) // config.batch_tokens
        self._batches = np.split(order, np.flatnonzero(np.diff(bins)) + 1)

    def __iter__(self) -> Iterator[TextBatch]:
        for rows in self._batches:
            yield _collate(self._pairs[rows], self._config)


def _collate(pairs: Batch, config: DataConfig) -> TextBatch:
    if config.task == "classification":
        return collate_labelled(pairs["source_ids"], [ids[0] for ids in pairs["target_ids"]])
    return collate(pairs["source_ids"], pairs["target_ids"])


def _lengths(pairs: datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    columns = pairs.with_format("numpy")
    return (
        np.asarray(columns["source_length"][:], dtype=np.int32),
        np.asarray(columns["target_length"][:], dtype=np.int32),
    )


def _sampled(
    sentences: Sequence[Sequence[int]],
    tokenizer: Tokenizer,
    alpha: float,
    random: np.random.Generator,
) -> list[list[int]]:
    return [
        tokenizer.sample(tokenizer.decode(ids), alpha=alpha, random=random) for ids in sentences
    ]
