"""What there is to train for each task: the data, the network, its module."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from pipeline.context import encode_contexts
from pipeline.data.config import DataConfig
from pipeline.data.conversations import ConversationDataModule, encode_conversations
from pipeline.data.datamodule import TextDataModule
from pipeline.data.mixture import mixed
from pipeline.data.prepare import PreparedCorpus, prepare, tokenizer_files
from pipeline.data.series import SeriesDataModule, load_series
from pipeline.data.soft_labels import SoftLabelTable
from pipeline.decoding import LengthLimit
from pipeline.model_folder import TrainedModel, build_network
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.network import Network
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.task import Task
from pipeline.tokenizer import EOS_ID, Tokenizer, shown_tag
from pipeline.training.config import RunConfig
from pipeline.training.fine_tuning import begin_with_weights, keep_tokenizers, load_beginning
from pipeline.training.module import TrainingModule
from pipeline.training.other_modules import (
    ClassifierModule,
    ForecasterModule,
    LanguageModelModule,
)
from pipeline.training.seq2seq_module import Seq2SeqModule, ValidationText
from pipeline.training.teachers import ask, load_teachers, require_same_tokenizers
from pipeline.training.word2vec import begin_with_word2vec

_log = logging.getLogger(__name__)


class Job(ABC):
    """A training before it begins; its data is prepared.

    Attributes:
        config: What is to be trained.
        data: The data section as the model folder will hold it.
        tokenizers: Of source and target, as far as there is text.
    """

    data: DataConfig
    tokenizers: tuple[Tokenizer, ...] = ()

    def __init__(self, config: RunConfig) -> None:
        self.config = config

    @property
    def task(self) -> Task:
        """What the model will be for."""
        return "chat" if self.config.data.is_chat else self.config.data.task

    @cached_property
    def beginning(self) -> TrainedModel | None:
        """The model of `trainer.begin_with`."""
        if self.config.trainer.begin_with is None:
            return None
        return load_beginning(self.config, self.task)

    @abstractmethod
    def network(self, *, is_new: bool) -> Network:
        """The network; one that is to be loaded from a checkpoint need not begin well."""

    @abstractmethod
    def module(self, network: Network) -> TrainingModule[Any]:
        """The LightningModule that trains it."""

    @abstractmethod
    def data_module(self) -> lightning.LightningDataModule:
        """Its batches."""

    def data_as_dict(self) -> Mapping[str, Any]:
        """The data section as plain values."""
        return asdict(self.data)


class TextJob(Job):
    """A network that reads text."""

    def __init__(self, config: RunConfig, folder: Path) -> None:
        super().__init__(config)
        files = tokenizer_files(config.data, folder)
        self.teachers = load_teachers(config, self.task)
        if not all(file.is_file() for file in files):
            trained = self.beginning or next(iter(self.teachers), None)
            if trained is not None:
                keep_tokenizers(trained, files)
        self.corpus = prepare(config.data, folder)
        self.data = self.corpus.config
        self.tokenizers = self.corpus.tokenizers
        require_same_tokenizers(self.teachers, self.tokenizers)
        if self.data.is_multilingual:
            directions = ", ".join(map(str, self.data.directions))
            _log.info("directions: %s; a validation scores all of them together", directions)

    def network(self, *, is_new: bool) -> Network:
        """See `Job.network`."""
        network = build_network(
            self.config.model,
            self.task,
            [len(tokenizer) for tokenizer in self.tokenizers],
            num_labels=len(self.data.labels or ()),
        )
        if is_new and self.beginning is not None:
            begin_with_weights(network, self.beginning, labels=self.data.labels)
        elif is_new and self.config.model.embedding == "word2vec":
            assert not isinstance(network, Forecaster)
            begin_with_word2vec(network, self.corpus, seed=self.config.seed)
        return network

    def module(self, network: Network) -> TrainingModule[Any]:
        """See `Job.module`."""
        config, seed = self.config.trainer, self.config.seed
        match network:
            case SequenceClassifier():
                return ClassifierModule(network, config, seed=seed)
            case LanguageModel():
                return LanguageModelModule(network, config, seed=seed)
        assert isinstance(network, Seq2Seq)
        return Seq2SeqModule(
            network,
            config,
            seed=seed,
            validation=_validation_text(self.corpus, remembers=network.memory is not None),
            judged_by_bleu=not self.data.is_chat,
            token_counts=_token_counts(self.corpus) if config.frequency_weighting else None,
        )

    def data_module(self) -> lightning.LightningDataModule:
        """See `Job.data_module`."""
        if self.config.model.memory == "none":
            return TextDataModule(
                self.corpus, seed=self.config.seed, soft_labels=self._soft_labels()
            )
        train, validation = (
            [
                encode_conversations(corpus[split], self.tokenizers[0], self.data)
                for corpus in self.corpus.corpora
            ]
            for split in ("train", "validation")
        )
        return ConversationDataModule(
            mixed(train, self.data.repeats),
            mixed(validation),
            batch_tokens=self.data.batch_tokens,
            seed=self.config.seed,
        )

    def _soft_labels(self) -> SoftLabelTable | None:
        if not self.teachers:
            return None
        networks = [teacher.model for teacher in self.teachers]
        return ask(networks, self.corpus, share=self.config.trainer.teacher_share)


class ForecastJob(Job):
    """A network that reads a series of numbers."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.series = load_series(config.data)
        self.data = config.data

    def network(self, *, is_new: bool) -> Network:
        """See `Job.network`."""
        train = self.series.train
        scale = float(train.std()) or 1.0  # of a series that never changes, any will do
        network = Forecaster(self.config.model, mean=float(train.mean()), scale=scale)
        if is_new and self.beginning is not None:
            begin_with_weights(network, self.beginning)
        return network

    def module(self, network: Network) -> TrainingModule[Any]:
        """See `Job.module`."""
        assert isinstance(network, Forecaster)
        return ForecasterModule(network, self.config.trainer, seed=self.config.seed)

    def data_module(self) -> lightning.LightningDataModule:
        """See `Job.data_module`."""
        return SeriesDataModule(self.series, seed=self.config.seed)


def prepare_job(config: RunConfig, folder: Path) -> Job:
    """Load and prepare the data.

    Args:
        config: What is to be trained.
        folder: Where tokenizers are kept.

    Raises:
        DataError: The data cannot be used.
        ConfigError: A setting does not suit it.
    """
    return ForecastJob(config) if config.data.task == "forecast" else TextJob(config, folder)


def _token_counts(corpus: PreparedCorpus) -> Tensor:
    """How often each target piece is to be predicted, EOS once a sentence."""
    counts = torch.zeros(len(corpus.target_tokenizer), dtype=torch.long)
    for batch in corpus.train.iter(batch_size=1000):
        ids = torch.tensor([token_id for target in batch["target_ids"] for token_id in target])
        counts += torch.bincount(ids, minlength=len(counts))
    counts[EOS_ID] = len(corpus.train)
    return counts


def _validation_text(corpus: PreparedCorpus, *, remembers: bool) -> ValidationText:
    config = corpus.config
    sources = list(corpus.validation_text["source"])
    tokenizer = corpus.source_tokenizer
    if config.is_chat:
        budget = None if remembers else config.context_tokens
        source_ids = encode_contexts(sources, tokenizer, budget=budget)
    else:
        source_ids = [ids[: config.max_tokens] for ids in tokenizer.encode_batch(sources)]
    if config.is_multilingual:
        tags = [tokenizer.tag_id(each) for each in corpus.validation_text["target_language"]]
        source_ids = [[tag, *ids] for tag, ids in zip(tags, source_ids, strict=True)]
        shown = map(shown_tag, tokenizer.pieces(tags))
        sources = [f"{tag} {source}" for tag, source in zip(shown, sources, strict=True)]
    return ValidationText(
        sources=sources,
        source_ids=source_ids,
        references=list(corpus.validation_text["target"]),
        target_tokenizer=corpus.target_tokenizer,
        limit=LengthLimit.for_task(is_chat=config.is_chat),
        num_directions=len(config.directions),
    )
