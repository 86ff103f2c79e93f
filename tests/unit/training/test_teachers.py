import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.data.by_step import Position
from pipeline.data.config import DataConfig
from pipeline.data.datamodule import TextDataModule
from pipeline.errors import ConfigError, ModelError
from pipeline.model_folder import TrainedModel, save_model
from pipeline.nn.config import ModelConfig
from pipeline.nn.loss import cross_entropy
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.task import Task
from pipeline.tokenizer import TokenizerConfig
from pipeline.training.config import RunConfig, TrainerConfig
from pipeline.training.jobs import Job, TextJob, prepare_job
from pipeline.training.teachers import ask, most_probable

_TINY = ModelConfig(hidden_size=6, embedding_dim=4, bidirectional=False, dropout=0.3)
_VOCAB_SIZE = 290
_SEPARATE = TokenizerConfig(vocab_size=285, model_type="bpe", joint=False)


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    rows = [{"source": f"Hund {n}", "target": f"{n}" + " dog" * (n % 5 + 1)} for n in range(90)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    tokenizer = TokenizerConfig(vocab_size=_VOCAB_SIZE, model_type="bpe")
    return DataConfig(path=str(path), tokenizer=tokenizer, max_tokens=20)


@pytest.fixture
def teach(data: DataConfig, tmp_path: Path) -> Callable[..., Job]:
    """Saves teachers of random weights; gives the job of their student."""

    def student_of(
        *seeds: int, teacher: Any = None, task: Task = "translation", **changes: Any
    ) -> Job:
        of_teacher = replace(data, **teacher or {})
        for seed in seeds:
            first = RunConfig(data=of_teacher, model=_TINY, name="teacher")
            job = prepare_job(first, tmp_path / f"run-{seed}")
            torch.manual_seed(seed)
            trained = TrainedModel(
                network=job.network(is_new=True),
                tokenizers=job.tokenizers,
                task=task,
                name=f"teacher-{seed}",
                data=job.data_as_dict(),
            )
            save_model(trained, tmp_path / f"teacher-{seed}")
        folders = [str(tmp_path / f"teacher-{seed}") for seed in seeds]
        config = RunConfig(
            data=replace(data, **changes.pop("data", {})),
            model=_TINY,
            trainer=TrainerConfig(teachers=folders, **changes),
            name="student",
        )
        return prepare_job(config, tmp_path / "student")

    return student_of


def _text_job(job: Job) -> TextJob:
    assert isinstance(job, TextJob)
    return job


def _batch(job: Job, index: int = 0) -> Seq2SeqBatch:
    data_module = job.data_module()
    assert isinstance(data_module, TextDataModule)
    batch = data_module.training_batches(Position()).batch(index)
    assert isinstance(batch, Seq2SeqBatch)
    return batch


def test_teachers_say_the_mean_of_their_probabilities(teach: Callable[..., Job]) -> None:
    networks = [teacher.model for teacher in _text_job(teach(1, 2)).teachers]
    batch = collate([[5, 6], [7]], [[8, 9, 10], [11]])
    ids, probs = most_probable(networks, batch)
    each = [network.logits(network(batch)).softmax(dim=-1) for network in networks]
    mean = torch.stack(each).mean(dim=0)
    kept = mean.sort(dim=-1, descending=True).values[..., :16]
    torch.testing.assert_close(probs, kept / kept.sum(dim=-1, keepdim=True))
    torch.testing.assert_close(mean.gather(-1, ids), kept)


def test_a_batch_brings_what_the_teachers_say_of_its_pairs(teach: Callable[..., Job]) -> None:
    job = _text_job(teach(1, 2, teacher_share=0.7))
    networks = [teacher.model for teacher in job.teachers]
    for index in (0, 5):
        batch = _batch(job, index)
        soft = batch.soft_labels
        assert soft is not None
        assert soft.share == 0.7
        _, probs = most_probable(networks, batch)
        real = batch.labels != 0
        torch.testing.assert_close(soft.probs[real], probs[real], rtol=0.01, atol=1e-3)
        assert (soft.probs[~real] == 0).all()


def test_what_is_learnt_is_the_loss_with_soft_labels(teach: Callable[..., Job]) -> None:
    job = teach(1)
    network = job.network(is_new=True).eval()
    assert isinstance(network, Seq2Seq)
    batch = _batch(job)
    found = job.module(network).objective(batch)
    expected = cross_entropy(
        network(batch),
        network.output_weight,
        network.output_bias,
        batch.labels,
        label_smoothing=0.1,
        soft_labels=batch.soft_labels,
    )
    assert torch.equal(found.objective_sum, expected.objective_sum)
    without = network.loss(replace(batch, soft_labels=None), label_smoothing=0.1)
    assert without.objective_sum != found.objective_sum
    assert torch.equal(without.nats_sum, found.nats_sum)


def test_without_teachers_there_are_no_soft_labels(teach: Callable[..., Job]) -> None:
    assert _batch(teach()).soft_labels is None


def test_asking_does_not_change_a_teacher(teach: Callable[..., Job]) -> None:
    job = _text_job(teach(1))
    network = job.teachers[0].model
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first, again = (ask([network.train()], job.corpus, share=0.5) for _ in range(2))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    batch = _batch(teach())
    rows = torch.arange(len(batch.labels)).numpy()
    one, other = (table.added(batch, rows).soft_labels for table in (first, again))
    assert one is not None
    assert other is not None
    assert torch.equal(one.probs, other.probs)  # no dropout either


@pytest.mark.parametrize(
    ("of_teacher", "message"),
    [
        (
            {"teacher": {"tokenizer": TokenizerConfig(vocab_size=285, model_type="bpe")}},
            "vocab_size: .* 285",
        ),
        (
            {"teacher": {"tokenizer": _SEPARATE}},
            r"data\.tokenizer\.joint: expected False",
        ),
        (
            {"teacher": {"source": "target", "target": "source"}},
            r"^trainer\.teachers: .* translates target to source; expected source to target",
        ),
        ({"task": "chat"}, r"^trainer\.teachers: .* is a model for chat; expected translation"),
    ],
)
def test_a_teacher_has_to_suit_the_run(
    teach: Callable[..., Job], of_teacher: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        teach(1, **of_teacher)


def test_a_run_takes_over_the_tokenizer_of_its_teachers_and_no_other(
    teach: Callable[..., Job], data: DataConfig, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    rows = [{"source": f"Katze {n}", "target": f"{n} cat"} for n in range(90)]
    other.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    job = _text_job(teach(1, data={"path": str(other)}))
    assert job.tokenizers[0].fingerprint == job.teachers[0].tokenizers[0].fingerprint
    for file in (tmp_path / "student").iterdir():
        file.unlink()
    own = RunConfig(data=replace(data, path=str(other)), model=_TINY, name="student")
    prepare_job(own, tmp_path / "student")  # as a run without teachers would have begun
    with pytest.raises(ConfigError, match=r"^trainer\.teachers: teacher-1 has other tokenizers"):
        teach(1, data={"path": str(other)})


def test_a_folder_that_holds_no_model_is_named(teach: Callable[..., Job], data: DataConfig) -> None:
    config = RunConfig(data=data, trainer=TrainerConfig(teachers="nowhere"), name="student")
    with pytest.raises(ModelError, match=r"^trainer\.teachers: .*nowhere"):
        prepare_job(config, Path("nowhere-else"))
