"""The LightningDataModule: encoded pairs as batches, the training's indexed by its step."""

from collections.abc import Callable, Iterator, Sequence

import datasets
import lightning
import numpy as np
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.data.prepare import PreparedCorpus
from pipeline.data.sampler import TokenBatches
from pipeline.tokenizer import Tokenizer


class Seq2SeqDataModule(lightning.LightningDataModule):
    """Batches of a prepared corpus.

    Args:
        corpus: The encoded pairs.
        seed: Together with the step it determines a training batch.
    """

    def __init__(self, corpus: PreparedCorpus, *, seed: int) -> None:
        super().__init__()
        self.corpus = corpus
        self.seed = seed

    def train_dataloader(self) -> DataLoader[Seq2SeqBatch]:
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

    def val_dataloader(self) -> DataLoader[Seq2SeqBatch]:
        """The validation pairs, the short ones first."""
        return DataLoader(
            ValidationBatches(self.corpus.validation, self.corpus.config.batch_tokens),
            batch_size=None,
        )


class TrainingBatches(IterableDataset[Seq2SeqBatch]):
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

    def __iter__(self) -> Iterator[Seq2SeqBatch]:
        step = self._first_step()
        while True:
            yield self.batch(step * self._num_ranks + self._rank)
            step += 1

    def batch(self, index: int) -> Seq2SeqBatch:
        """The batch with this index: of one rank, the index is the step."""
        pairs = self._corpus.train[self._batches.rows(index)]
        alpha = self._corpus.config.tokenizer.sampling_alpha
        if not alpha:
            return collate(pairs["source_ids"], pairs["target_ids"])
        random = np.random.default_rng([self._seed, index])
        return collate(
            _sampled(pairs["source_ids"], self._corpus.source_tokenizer, alpha, random),
            _sampled(pairs["target_ids"], self._corpus.target_tokenizer, alpha, random),
        )


class ValidationBatches(IterableDataset[Seq2SeqBatch]):
    """Each pair once, sorted by length, in batches of about as many tokens."""

    def __init__(self, pairs: datasets.Dataset, batch_tokens: int) -> None:
        super().__init__()
        self._pairs = pairs
        source_lengths, target_lengths = _lengths(pairs)
        costs = np.maximum(source_lengths, target_lengths) + 1
        order = np.argsort(costs, kind="stable")
        bins = np.cumsum(costs[order]) // batch_tokens
        self._batches = np.split(order, np.flatnonzero(np.diff(bins)) + 1)

    def __iter__(self) -> Iterator[Seq2SeqBatch]:
        for rows in self._batches:
            pairs = self._pairs[rows]
            yield collate(pairs["source_ids"], pairs["target_ids"])


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
