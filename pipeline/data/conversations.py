"""Rows of a dialogue corpus → whole conversations of ids, and batches of them.

A model with a memory is trained on these: it reads each turn once. A model without is trained on
pairs, in which earlier turns are read again with every answer.
"""

import functools
import logging
from collections.abc import Iterator, Sequence

import datasets
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from pipeline.batch import ConversationBatch, collate_conversations
from pipeline.context import clean_turn
from pipeline.data.by_step import BatchesByStep, DataModuleByStep, Position
from pipeline.data.cache import Batch, fingerprint, fingerprint_of, mapped_once
from pipeline.data.config import DataConfig
from pipeline.data.sampler import TokenBatches
from pipeline.tokenizer import Tokenizer

_log = logging.getLogger(__name__)
_LONGEST_CHAIN = 4
Conversation = Sequence[Sequence[int]]
"""Turns of ids."""
_FEATURES = datasets.Features(
    {
        "turns": datasets.List(datasets.List(datasets.Value("int32"))),
        "num_tokens": datasets.Value("int32"),
    }
)


def encode_conversations(
    rows: datasets.Dataset, tokenizer: Tokenizer, config: DataConfig
) -> datasets.Dataset:
    """Encode the column `config.dialogue`; what was encoded before is read again.

    A conversation ends before a turn of more than `max_tokens` pieces. One that has fewer than two
    turns left, or that is the same as one before it in the same thousand, is left out.

    Returns:
        A dataset with the columns `turns` (lists of ids, without BOS and EOS) and `num_tokens`.
    """
    assert config.dialogue is not None
    encode = functools.partial(
        _encode, column=config.dialogue, tokenizer=tokenizer, max_tokens=config.max_tokens
    )
    key = fingerprint(
        fingerprint_of(rows),
        "conversations",
        config.dialogue,
        tokenizer.fingerprint,
        config.max_tokens,
    )
    encoded = mapped_once(
        rows, encode, key=key, features=_FEATURES, description="Encoding conversations"
    )
    _log.info("%s conversations, %s kept", f"{len(rows):,}", f"{len(encoded):,}")
    return encoded


def _encode(batch: Batch, *, column: str, tokenizer: Tokenizer, max_tokens: int) -> Batch:
    conversations: dict[tuple[tuple[int, ...], ...], None] = {}
    for dialogue in batch[column]:
        turns = [turn for turn in map(clean_turn, dialogue) if turn]
        ids = [tuple(turn) for turn in tokenizer.encode_batch(turns)]
        too_long = [len(turn) > max_tokens for turn in ids]
        kept = ids[: too_long.index(True)] if any(too_long) else ids
        if len(kept) > 1:
            conversations[tuple(kept)] = None
    return {
        "turns": [[list(turn) for turn in turns] for turns in conversations],
        "num_tokens": [sum(map(len, turns)) for turns in conversations],
    }


class TrainingConversations(BatchesByStep[ConversationBatch]):
    """Conversations in batches of about as many tokens, a function of the seed and the index.

    Those of two turns are mostly questions with their answers. They are chained at random, up to
    four in a row, or a model that has met them alone would not know what to make of a second
    question.

    Args:
        conversations: From `encode_conversations`.
        batch_tokens: Tokens of all turns in a batch, about.
        seed: Of their order.
        position: Where the training is.
    """

    def __init__(
        self, conversations: datasets.Dataset, *, batch_tokens: int, seed: int, position: Position
    ) -> None:
        super().__init__(position)
        self._conversations = conversations
        self._seed = seed
        lengths = _lengths(conversations)
        self._batches = TokenBatches(lengths, lengths, batch_tokens=batch_tokens, seed=seed)

    def batch(self, index: int) -> ConversationBatch:
        """See `BatchesByStep.batch`."""
        conversations = self._conversations[self._batches.rows(index)]["turns"]
        return collate_conversations(
            _chained(conversations, np.random.default_rng([self._seed, index]))
        )


class ValidationConversations(IterableDataset[ConversationBatch]):
    """Each conversation once, in the order of the corpus."""

    def __init__(self, conversations: datasets.Dataset, *, batch_tokens: int) -> None:
        super().__init__()
        self._conversations = conversations
        bins = np.cumsum(_lengths(conversations)) // batch_tokens
        self._batches = np.split(np.arange(len(bins)), np.flatnonzero(np.diff(bins)) + 1)

    def __iter__(self) -> Iterator[ConversationBatch]:
        for rows in self._batches:
            conversations = self._conversations[rows]["turns"]
            yield collate_conversations([[turns] for turns in conversations])


class ConversationDataModule(DataModuleByStep):
    """Batches of whole conversations.

    Args:
        train: From `encode_conversations`.
        validation: From `encode_conversations`.
        batch_tokens: Tokens of all turns in a batch, about.
        seed: Together with the step it determines a training batch.
    """

    def __init__(
        self,
        train: datasets.Dataset,
        validation: datasets.Dataset,
        *,
        batch_tokens: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._train = train
        self._validation = validation
        self._batch_tokens = batch_tokens
        self._seed = seed

    def training_batches(self, position: Position) -> TrainingConversations:
        """See `DataModuleByStep.training_batches`."""
        return TrainingConversations(
            self._train, batch_tokens=self._batch_tokens, seed=self._seed, position=position
        )

    def val_dataloader(self) -> DataLoader[ConversationBatch]:
        """The validation conversations."""
        return DataLoader(
            ValidationConversations(self._validation, batch_tokens=self._batch_tokens),
            batch_size=None,
        )


def _chained(
    conversations: Sequence[Conversation], random: np.random.Generator
) -> list[list[Conversation]]:
    """Those of two turns in chains of one to four, in random order; the others by themselves."""
    chains = [[turns] for turns in conversations if len(turns) > 2]
    pairs = [turns for turns in conversations if len(turns) == 2]
    order = random.permutation(len(pairs)).tolist()
    while order:
        length = int(random.integers(1, _LONGEST_CHAIN + 1))
        chains.append([pairs[i] for i in order[:length]])
        del order[:length]
    return chains


def _lengths(conversations: datasets.Dataset) -> NDArray[np.int32]:
    return np.asarray(conversations.with_format("numpy")["num_tokens"][:], dtype=np.int32)
