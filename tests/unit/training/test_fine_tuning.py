import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch

from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, ModelError
from pipeline.model_folder import TrainedModel, save_model
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import TokenizerConfig
from pipeline.training.config import RunConfig, TrainerConfig
from pipeline.training.jobs import prepare_job

_TINY: dict[str, Any] = {"hidden_size": 6, "embedding_dim": 4, "bidirectional": False}
_TASKS = {
    "translation": {"source": "de", "target": "en"},
    "classification": {"source": "de", "target": "kind"},
    "language_model": {"target": "de"},
    "forecast": {"target": "number"},
}


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def _corpus(path: Path, word: str) -> Path:
    rows = [
        {"de": f"{word} {n}", "en": f"dog {n}", "kind": "odd" if n % 2 else "even", "number": n % 7}
        | {"fr": f"chien {n}"}
        for n in range(60)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., RunConfig]:
    """Saves a model for a task; gives the configuration of one that begins with it."""

    def config_of(task: str, *, word: str = "Katze", **changes: Any) -> RunConfig:
        data = DataConfig(
            path=str(_corpus(tmp_path / "first.jsonl", "Hund")),
            max_tokens=20,
            task=task,  # type: ignore[arg-type]
            tokenizer=TokenizerConfig(vocab_size=290, model_type="bpe"),
            **{**_TASKS[task], **changes.pop("first", {})},
        )
        first = RunConfig(data=data, model=ModelConfig(**_TINY), name="first")
        job = prepare_job(first, tmp_path / "first")
        torch.manual_seed(5)
        trained = TrainedModel(
            network=job.network(is_new=True),
            tokenizers=job.tokenizers,
            task=job.task,
            data=job.data_as_dict(),
        )
        save_model(trained, tmp_path / "model")
        corpus = _corpus(tmp_path / "second.jsonl", word)
        return RunConfig(
            data=replace(data, path=str(corpus), **changes.pop("data", {})),
            model=ModelConfig(**{**_TINY, **changes}),
            trainer=TrainerConfig(begin_with=str(tmp_path / "model")),
            name="second",
        )

    return config_of


@pytest.mark.parametrize("task", _TASKS)
def test_training_begins_with_the_weights_and_the_tokenizers_of_the_model(
    begin: Callable[..., RunConfig], tmp_path: Path, task: str
) -> None:
    job = prepare_job(begin(task, dropout=0.4), tmp_path / "second")
    first = prepare_job(begin(task), tmp_path / "again")
    network, beginning = job.network(is_new=True), first.beginning
    assert beginning is not None
    for name, tensor in beginning.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name
    assert network.config.dropout == 0.4
    fingerprints = [tokenizer.fingerprint for tokenizer in beginning.tokenizers]
    assert [tokenizer.fingerprint for tokenizer in job.tokenizers] == fingerprints


@pytest.mark.parametrize(
    "noise", ["dropout", "word_dropout", "embedding_dropout", "weight_dropout"]
)
def test_a_model_may_go_on_with_other_noise(
    begin: Callable[..., RunConfig], tmp_path: Path, noise: str
) -> None:
    job = prepare_job(begin("translation", **{noise: 0.4}), tmp_path / "second")
    assert getattr(job.network(is_new=True).config, noise) == 0.4


def test_a_run_that_goes_on_needs_the_model_no_more(
    begin: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = begin("translation")
    tokenizer = prepare_job(config, tmp_path / "second").tokenizers[0]
    (tmp_path / "model" / "config.json").unlink()
    job = prepare_job(config, tmp_path / "second")
    job.network(is_new=False)
    assert job.tokenizers[0].fingerprint == tokenizer.fingerprint
    with pytest.raises(ModelError):
        job.network(is_new=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 8}, r"model.hidden_size: expected 6, as .*model has it, got 8"),
        ({"cell": "elman"}, r"model.cell: expected gru, as"),
        ({"residual": False}, r"model.residual: expected True"),
        (
            {"data": {"tokenizer": TokenizerConfig(vocab_size=300, model_type="bpe")}},
            r"data.tokenizer.vocab_size: expected 290, as .* got 300",
        ),
        (
            {"data": {"tokenizer": TokenizerConfig(vocab_size=290, joint=False)}},
            r"data.tokenizer.joint: expected True",
        ),
        ({"data": {"task": "chat"}}, r"begin_with: .* is a model for translation; expected chat"),
    ],
)
def test_a_model_that_is_not_what_is_configured_is_refused(
    begin: Callable[..., RunConfig], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare_job(begin("translation", **changes), tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_a_model_that_is_not_there_is_named_with_its_key(
    begin: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = begin("translation")
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError, match=r"^trainer\.begin_with: .*model: no such model folder"):
        prepare_job(config, tmp_path / "second")


def test_a_classifier_of_other_labels_is_refused(
    begin: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = begin("classification", data={"labels": ["odd", "even"]})
    job = prepare_job(config, tmp_path / "second")
    with pytest.raises(ConfigError, match=r"data.labels: expected \['even', 'odd'\]"):
        job.network(is_new=True)


@pytest.mark.parametrize(
    ("there", "here", "expected"),
    [
        (["en", "de"], ["de"], None),
        (["en", "de"], ["en", "de"], None),
        (["en", "de"], "de", "a list of some of en, de, as MODEL reads .*, got de"),
        (["en", "de"], ["de", "kind"], "some of en, de, as MODEL has it, got kind"),
        ("de", ["de"], "one column, and one data.source, as MODEL has it, got de"),
    ],
)
def test_a_training_goes_on_with_languages_that_the_model_reads_tags_of(
    begin: Callable[..., RunConfig],
    tmp_path: Path,
    there: str | list[str],
    here: str | list[str],
    expected: str | None,
) -> None:
    config = begin("translation", first={"source": "fr", "target": there}, data={"target": here})
    if expected is None:
        job = prepare_job(config, tmp_path / "second")
        beginning = job.beginning
        assert beginning is not None
        assert job.tokenizers[0].languages == ("en", "de")
        for name, tensor in job.network(is_new=True).state_dict().items():
            assert torch.equal(tensor, beginning.network.state_dict()[name]), name
        return
    message = expected.replace("MODEL", str(tmp_path / "model"))
    with pytest.raises(ConfigError, match=f"^data.target: expected {message}$"):
        prepare_job(config, tmp_path / "second")
