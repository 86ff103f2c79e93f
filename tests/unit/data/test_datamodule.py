import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.batch import LabelledBatch, Seq2SeqBatch
from pipeline.data.by_step import Position
from pipeline.data.config import DataConfig
from pipeline.data.datamodule import (
    TextBatch,
    TextDataModule,
    TrainingBatches,
    ValidationBatches,
)
from pipeline.data.prepare import PreparedCorpus, prepare
from pipeline.tokenizer import EOS_ID, PAD_ID, Tokenizer, TokenizerConfig

_NUM_PAIRS = 240
_WORDS = ("dog", "runs", "over", "green", "grass", "today", "with", "water")

Build = Callable[[float], PreparedCorpus]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    rows = [
        {"source": " ".join(_WORDS[: 1 + n % 8]) + f" {n}", "target": f"{n} {_WORDS[n % 8]}"}
        for n in range(_NUM_PAIRS)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    def build(sampling_alpha: float = 0.0) -> PreparedCorpus:
        tokenizer = TokenizerConfig(vocab_size=310, sampling_alpha=sampling_alpha)
        config = DataConfig(path=str(path), batch_tokens=150, held_out_rows=24, tokenizer=tokenizer)
        return prepare(config, tmp_path / "run")

    return build


@pytest.fixture
def corpus(build: Build) -> PreparedCorpus:
    return build(0.0)


def _batches(corpus: PreparedCorpus, *, seed: int = 1, **position: Any) -> TrainingBatches:
    return TrainingBatches(corpus, seed=seed, position=Position(**position))


def _tensors(batch: TextBatch) -> list[list[Any]]:
    assert isinstance(batch, Seq2SeqBatch)
    parts = (batch.source_ids, batch.source_lengths, batch.decoder_input_ids, batch.labels)
    return [part.tolist() for part in parts]


def _texts(ids: Tensor, tokenizer: Tokenizer) -> list[str]:
    return [tokenizer.decode([i for i in row if i not in (PAD_ID, EOS_ID)]) for row in ids.tolist()]


@pytest.mark.parametrize("sampling_alpha", [0.0, 0.2])
def test_a_batch_is_a_function_of_seed_and_step(build: Build, sampling_alpha: float) -> None:
    steps = [0, 7, 100, 3, 7]
    ours = [_tensors(_batches(build(sampling_alpha)).batch(step)) for step in steps]
    other = _batches(build(sampling_alpha))
    theirs = {step: _tensors(other.batch(step)) for step in sorted(set(steps))}
    assert ours == [theirs[step] for step in steps]
    assert ours[0] != _tensors(_batches(build(sampling_alpha), seed=2).batch(0))


def test_iteration_begins_at_the_step_that_the_training_is_at(corpus: PreparedCorpus) -> None:
    step = 0
    batches = _batches(corpus, first_step=lambda: step)
    step = 5
    found = [_tensors(batch) for batch in itertools.islice(batches, 3)]
    assert found == [_tensors(batches.batch(index)) for index in (5, 6, 7)]


def test_ranks_share_the_batches_of_an_epoch(corpus: PreparedCorpus) -> None:
    ranks = [_batches(corpus, rank=rank, num_ranks=2) for rank in (0, 1)]
    together = zip(*(itertools.islice(rank, 4) for rank in ranks), strict=True)
    found = [_tensors(batch) for step in together for batch in step]
    alone = _batches(corpus)
    assert found == [_tensors(alone.batch(index)) for index in range(8)]
    first, second = (
        set(_texts(next(iter(rank)).labels, corpus.target_tokenizer)) for rank in ranks
    )
    assert first
    assert second
    assert not first & second


def test_sampling_changes_the_pieces_and_not_the_text(build: Build) -> None:
    plain, sampled = build(0.0), build(0.2)
    tokenizer = plain.source_tokenizer
    lengths, sampled_lengths = 0, 0
    for step in range(4):
        one, other = _batches(plain).batch(step), _batches(sampled).batch(step)
        assert _texts(one.source_ids, tokenizer) == _texts(other.source_ids, tokenizer)
        assert _texts(one.labels, tokenizer) == _texts(other.labels, tokenizer)
        lengths += int(one.source_lengths.sum())
        sampled_lengths += int(other.source_lengths.sum())
    assert sampled_lengths > lengths


def test_the_same_row_is_cut_otherwise_in_another_epoch(build: Build) -> None:
    batches = _batches(build(0.1))
    tokenizer = build(0.1).source_tokenizer
    cuts: dict[str, set[int]] = {}
    for step in range(30):
        batch = batches.batch(step)
        texts = _texts(batch.source_ids, tokenizer)
        for text, length in zip(texts, batch.source_lengths.tolist(), strict=True):
            cuts.setdefault(text, set()).add(length)
    assert sum(len(lengths) > 1 for lengths in cuts.values()) > len(cuts) / 2


def test_validation_has_each_pair_once_the_short_ones_first(corpus: PreparedCorpus) -> None:
    batches = list(ValidationBatches(corpus.validation, replace(corpus.config, batch_tokens=40)))
    assert len(batches) > 2
    tokenizer = corpus.source_tokenizer
    found = [
        pair
        for batch in batches
        for pair in zip(
            _texts(batch.source_ids, tokenizer), _texts(batch.labels, tokenizer), strict=True
        )
    ]
    text = corpus.validation_text
    assert sorted(found) == sorted(zip(text["source"], text["target"], strict=True))
    longest = [batch.source_ids.shape[1] for batch in batches]
    assert longest == sorted(longest)


def test_a_pair_longer_than_a_batch_is_validated_too(corpus: PreparedCorpus) -> None:
    batches = list(ValidationBatches(corpus.validation, replace(corpus.config, batch_tokens=1)))
    assert sum(len(batch.labels) for batch in batches) == len(corpus.validation)


def test_the_loaders_follow_the_trainer(corpus: PreparedCorpus) -> None:
    module = TextDataModule(corpus, seed=3)
    trainer: Any = SimpleNamespace(global_step=4, global_rank=1, world_size=2)
    module.trainer = trainer
    expected = _batches(corpus, seed=3)
    found = iter(module.train_dataloader())
    assert _tensors(next(found)) == _tensors(expected.batch(4 * 2 + 1))
    trainer.global_step = 6  # before it is iterated anew
    assert _tensors(next(iter(module.train_dataloader()))) == _tensors(expected.batch(13))
    num_tokens = sum(int((batch.labels != PAD_ID).sum()) for batch in module.val_dataloader())
    assert num_tokens == sum(corpus.validation["target_length"]) + len(corpus.validation)


def test_the_batch_size_in_tokens_is_the_configured_one(corpus: PreparedCorpus) -> None:
    large = replace(corpus, config=replace(corpus.config, batch_tokens=600))
    sizes = [
        sum(len(_batches(each).batch(step).labels) for step in range(8)) for each in (corpus, large)
    ]
    assert sizes[1] > 2 * sizes[0]
    assert torch.is_tensor(_batches(large).batch(0).labels)


@pytest.mark.parametrize("num_ranks", [1, 2])
def test_the_last_batches_are_larger_from_the_configured_step_on(
    corpus: PreparedCorpus, num_ranks: int
) -> None:
    config = replace(corpus.config, ending_from=3, ending_batch_tokens=600)
    ending = _batches(replace(corpus, config=config), num_ranks=num_ranks)
    small = _batches(corpus)
    large = _batches(replace(corpus, config=replace(corpus.config, batch_tokens=600)))
    before = 3 * num_ranks
    for index in range(before):
        assert _tensors(ending.batch(index)) == _tensors(small.batch(index))
    for index in range(before, before + 20):  # more than an epoch of them
        assert _tensors(ending.batch(index)) == _tensors(large.batch(index - before))


@pytest.fixture(params=[0.0, 0.2])
def labelled(request: pytest.FixtureRequest, tmp_path: Path) -> PreparedCorpus:
    rows = [
        {"source": " ".join(_WORDS[: 1 + n % 8]) + f" {n}", "target": f"l{n % 3}"}
        for n in range(_NUM_PAIRS)
    ]
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    config = DataConfig(
        path=str(path),
        task="classification",
        labels=["l2", "l0", "l1"],
        batch_tokens=150,
        held_out_rows=24,
        tokenizer=TokenizerConfig(vocab_size=310, sampling_alpha=request.param),
    )
    return prepare(config, tmp_path / "run")


def _labelled_texts(batch: TextBatch, corpus: PreparedCorpus) -> list[tuple[str, str]]:
    assert isinstance(batch, LabelledBatch)
    assert corpus.config.labels is not None
    texts = _texts(batch.source_ids, corpus.source_tokenizer)
    labels = [corpus.config.labels[label] for label in batch.labels.tolist()]
    return list(zip(texts, labels, strict=True))


def test_a_label_is_no_word_to_be_sampled(build: Build, labelled: PreparedCorpus) -> None:
    both = {"source_ids", "target_ids"}
    assert _batches(build(0.2))._samplers.keys() == both
    assert _batches(build(0.0))._samplers.keys() == set()
    samples = labelled.config.tokenizer.samples
    assert _batches(labelled)._samplers.keys() == (both - {"target_ids"} if samples else set())


def test_a_label_stands_beside_its_text(labelled: PreparedCorpus) -> None:
    batches = _batches(labelled)
    found = [row for step in range(8) for row in _labelled_texts(batches.batch(step), labelled)]
    assert {label for _, label in found} == {"l0", "l1", "l2"}
    for text, label in found:
        assert label == f"l{int(text.split()[-1]) % 3}"


def test_validation_has_each_text_with_its_label_once(labelled: PreparedCorpus) -> None:
    config = replace(labelled.config, batch_tokens=40)
    batches = list(ValidationBatches(labelled.validation, config))
    assert len(batches) > 2
    found = [row for batch in batches for row in _labelled_texts(batch, labelled)]
    text = labelled.validation_text
    assert sorted(found) == sorted(zip(text["source"], text["target"], strict=True))


def test_a_sampled_batch_with_labels_is_a_function_of_seed_and_step(
    labelled: PreparedCorpus,
) -> None:
    one, other = (_batches(labelled).batch(5) for _ in range(2))
    assert isinstance(one, LabelledBatch)
    assert torch.equal(one.source_ids, other.source_ids)
    assert torch.equal(one.labels, other.labels)
    lengths = (one.source_ids != PAD_ID).sum(dim=1)
    assert torch.equal(one.source_lengths, lengths)


def test_the_loaders_of_a_classifier_give_labelled_batches(labelled: PreparedCorpus) -> None:
    module = TextDataModule(labelled, seed=1)
    trainer: Any = SimpleNamespace(global_step=4, global_rank=0, world_size=1)
    module.trainer = trainer
    first = _labelled_texts(next(iter(module.train_dataloader())), labelled)
    assert first == _labelled_texts(_batches(labelled).batch(4), labelled)
    assert sum(len(batch.labels) for batch in module.val_dataloader()) == len(labelled.validation)
