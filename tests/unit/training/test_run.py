import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import yaml
from rich.console import Console

import pipeline.training.jobs
import pipeline.training.run
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, DataError
from pipeline.model_folder import load_model
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import TokenizerConfig
from pipeline.training.callbacks import Checkpoints
from pipeline.training.checkpoint import list_checkpoints
from pipeline.training.config import RunConfig, TrainerConfig
from pipeline.training.metrics_file import read_metrics
from pipeline.training.run import Run, train
from pipeline.training.seq2seq_module import Seq2SeqModule

# Lightning 2.6 makes a deprecated class of torch 2.13; `seq2seq train` ignores it too.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")

Change = Callable[..., RunConfig]


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):  # Lightning sets them
        monkeypatch.setenv(name, "0")
    lightning = logging.getLogger("lightning.pytorch")
    level = lightning.level
    lightning.setLevel(logging.WARNING)
    yield
    lightning.setLevel(level)


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    rows = [{"source": f"dog {n}", "target": f"Hund {n}"} for n in range(80)]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return RunConfig(
        data=DataConfig(
            path=str(path),
            batch_tokens=100,
            tokenizer=TokenizerConfig(vocab_size=290, model_type="bpe"),
        ),
        model=ModelConfig(cell="gru", hidden_size=16, embedding_dim=16, num_layers=1),
        trainer=TrainerConfig(
            max_steps=4, validate_every=2, ema_decay=0.0, accelerator="cpu", precision="fp32"
        ),
        name="small",
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "runs" / "small")


def _train(config: RunConfig, run: Run) -> bool:
    return train(config, run, command="seq2seq train", console=Console(stderr=True))


def _trainer(config: RunConfig, **values: Any) -> RunConfig:
    return replace(config, trainer=replace(config.trainer, **values))


def _train_until_it_breaks(
    config: RunConfig,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    *,
    step: int,
    within: str = "training_step",
) -> None:
    method = getattr(Seq2SeqModule, within)

    def breaks(self: Seq2SeqModule, *arguments: Any) -> Any:
        if self.global_step == step:
            raise OSError("no space left")
        return method(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Seq2SeqModule, within, breaks)
        with pytest.raises(OSError, match="no space left"):
            _train(config, run)
    assert not run.finished.exists()


def _assert_same_end(whole: Run, run: Run) -> None:
    one, other = (torch.load(list_checkpoints(r.checkpoints)[-1]) for r in (whole, run))
    for name, tensor in one["state_dict"].items():
        assert torch.equal(tensor, other["state_dict"][name]), name
    assert one["num_tokens_trained"] == other["num_tokens_trained"]


def test_a_run_that_is_older_than_a_key_had_its_default(config: RunConfig, run: Run) -> None:
    assert _train(config, run)
    values = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    del values["model"]["residual"], values["data"]["tokenizer"]["sampling_alpha"]
    run.config.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert not _train(config, run)
    other = replace(config, model=replace(config.model, residual=False))
    with pytest.raises(ConfigError, match="model.residual: True, and now it is False"):
        _train(other, run)


def test_a_run_from_the_first_step_to_the_last(config: RunConfig, run: Run) -> None:
    assert _train(config, run)
    summary = json.loads(run.finished.read_text(encoding="utf-8"))
    assert summary["steps"] == 4
    assert summary["tokens"] > 0
    assert summary["best"]["step"] in (2, 4)
    assert yaml.safe_load(run.config.read_text(encoding="utf-8")) == config.as_dict()
    assert [path.name for path in list_checkpoints(run.checkpoints)] == [
        "step=00000002.ckpt",
        "step=00000004.ckpt",
    ]
    assert [row["step"] for row in read_metrics(run.metrics)] == [2, 4]
    trained = load_model(run.model)
    assert (trained.name, trained.command, trained.task) == (
        "small",
        "seq2seq train",
        "translation",
    )
    assert trained.scores["validation"]["step"] == summary["best"]["step"]
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    assert not _train(config, run)
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before


def test_a_model_that_training_makes_worse_is_kept_as_it_was(
    config: RunConfig, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(  # of a task that is judged by the loss
        config,
        data=replace(config.data, task="language_model"),
        model=replace(config.model, bidirectional=False),
    )
    _train(config, run)
    second = Run(run.folder.with_name("second"))
    ruinous = _trainer(config, begin_with=str(run.model), learning_rate=5.0, warmup_steps=0)
    with caplog.at_level(logging.INFO):
        _train(replace(ruinous, name="second"), second)
    assert any(line.startswith("step 0 | validation loss") for line in caplog.messages)
    assert [row["step"] for row in read_metrics(second.metrics)] == [0, 2, 4]
    assert json.loads(second.finished.read_text(encoding="utf-8"))["best"]["step"] == 0
    before, after = (load_model(each.model) for each in (run, second))
    assert after.scores["validation"]["step"] == 0
    assert after.scores["validation"]["val_loss"] == pytest.approx(
        before.scores["validation"]["val_loss"]
    )
    for name, tensor in before.network.state_dict().items():
        assert torch.equal(after.network.state_dict()[name], tensor), name


def test_a_run_that_broke_before_its_first_validation_judges_the_beginning_once(
    config: RunConfig, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _train(config, run)
    config = replace(_trainer(config, begin_with=str(run.model)), name="second")
    whole, second = (Run(run.folder.with_name(name)) for name in ("whole", "second"))
    _train(replace(config, name="whole"), whole)
    _train_until_it_breaks(config, second, monkeypatch, step=1)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        _train(config, second)
    assert not any(line.startswith("step 0 |") for line in caplog.messages)
    _assert_same_end(whole, second)
    assert [row["step"] for row in read_metrics(second.metrics)] == [0, 2, 4]


def test_a_run_that_broke_goes_on_from_its_last_checkpoint(
    config: RunConfig, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Run(run.folder.with_name("whole"))
    _train(config, whole)
    _train_until_it_breaks(config, run, monkeypatch, step=3)
    caplog.set_level(logging.INFO)
    assert _train(config, run)
    assert "going on from" in caplog.text
    assert [row["step"] for row in read_metrics(run.metrics)] == [2, 4]
    _assert_same_end(whole, run)


@pytest.mark.parametrize(
    ("within", "step", "last_checkpoint"),
    [("training_step", 1, 1), ("training_step", 6, 6), ("judge", 4, 3), ("judge", 9, 8)],
)
def test_a_run_that_broke_between_validations_or_in_one_goes_on_from_there(
    config: RunConfig,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    within: str,
    step: int,
    last_checkpoint: int,
) -> None:
    config = _trainer(config, max_steps=9, validate_every=4, ema_decay=0.9)
    whole = Run(run.folder.with_name("whole"))
    _train(config, whole)
    monkeypatch.setattr(Checkpoints, "_SECONDS_BETWEEN", 0.0)
    _train_until_it_breaks(config, run, monkeypatch, step=step, within=within)
    assert list_checkpoints(run.checkpoints)[-1].name == f"step={last_checkpoint:08}.ckpt"
    _train(config, run)
    _assert_same_end(whole, run)
    one, other = (
        [(row["step"], row["val_loss"], row["val_bleu"]) for row in read_metrics(each.metrics)]
        for each in (whole, run)
    )
    assert one == other
    assert [step for step, *_ in one] == [4, 8, 9]


def test_a_run_ends_when_its_time_is_over_and_says_so(
    config: RunConfig, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert _train(_trainer(config, max_time="00:00", max_steps=1000, validate_every=500), run)
    assert json.loads(run.finished.read_text(encoding="utf-8"))["steps"] == 1
    assert [row["step"] for row in read_metrics(run.metrics) if "val_loss" in row] == [1]
    assert load_model(run.model).scores["validation"]["step"] == 1
    assert "ended by trainer.max_time 00:00, at step 1 of 1,000" in caplog.messages


def test_a_run_ends_when_its_patience_does(
    config: RunConfig, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    still = _trainer(
        config, max_steps=100, validate_every=1, patience=2, learning_rate=1e-12, warmup_steps=0
    )
    assert _train(still, run)
    assert "max_time" not in caplog.text
    summary = json.loads(run.finished.read_text(encoding="utf-8"))
    assert (summary["steps"], summary["best"]["step"]) == (3, 1)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("model", "cell", "lstm"),
        ("trainer", "max_steps", 5),
        ("trainer", "max_time", "00:10:00"),
        ("data", "path", ["a", "b"]),
    ],
)
def test_another_setting_is_refused(
    config: RunConfig, run: Run, section: str, key: str, value: Any
) -> None:
    run.folder.mkdir(parents=True)
    run.config.write_text(yaml.safe_dump(config.as_dict()), encoding="utf-8")
    before = run.config.read_bytes()
    there = getattr(getattr(config, section), key)
    changed = replace(config, **{section: replace(getattr(config, section), **{key: value})})
    with pytest.raises(ConfigError) as raised:
        _train(changed, run)
    assert f"a run with {section}.{key}: {there}, and now it is {value};" in str(raised.value)
    assert run.config.read_bytes() == before


def test_keys_of_a_later_version_are_named(config: RunConfig, run: Run) -> None:
    values = config.as_dict()
    values["trainer"]["patients"] = 3
    run.folder.mkdir(parents=True)
    run.config.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"trainer\.patients: 3, and now it is None"):
        _train(config, run)


def test_a_mistake_in_the_data_leaves_the_name_free(config: RunConfig, run: Run) -> None:
    wrong = replace(config, data=replace(config.data, source="sorce"))
    with pytest.raises(DataError, match="no column 'sorce'"):
        _train(wrong, run)
    large = replace(config, data=replace(config.data, tokenizer=TokenizerConfig(vocab_size=99_999)))
    with pytest.raises(ConfigError, match="too large"):
        _train(large, run)
    assert not run.config.exists()
    assert _train(config, run)


def test_a_tokenizer_that_another_attempt_left_is_not_taken(config: RunConfig, run: Run) -> None:
    run.checkpoints.mkdir(parents=True)
    (run.checkpoints / "joint.model").write_bytes(b"of other settings")
    assert _train(config, run)
    assert len(load_model(run.model).source_tokenizer) == 290


def test_a_chatbot_is_chosen_by_its_loss(config: RunConfig, run: Run) -> None:
    chat = replace(config, data=replace(config.data, task="chat"))
    assert _train(chat, run)
    assert load_model(run.model).task == "chat"
    rows = read_metrics(run.metrics)
    assert not any("val_bleu" in row for row in rows)
    best = min(rows, key=lambda row: row["val_loss"])
    assert json.loads(run.finished.read_text(encoding="utf-8"))["best"]["step"] == best["step"]


@pytest.mark.parametrize(
    ("task", "score"),
    [("classification", "val_accuracy"), ("language_model", None), ("forecast", "val_rmse")],
)
def test_the_other_kinds_from_the_first_step_to_the_last(
    config: RunConfig, run: Run, tmp_path: Path, task: Any, score: str | None
) -> None:
    rows = [{"source": f"dog {n}", "target": "odd" if n % 2 else "even"} for n in range(80)]
    path = tmp_path / "rows.jsonl"
    if task == "forecast":
        rows = [{"target": str(n % 9)} for n in range(80)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    tokenizer = replace(config.data.tokenizer, vocab_size=275)
    data = replace(config.data, path=str(path), task=task, max_tokens=20, tokenizer=tokenizer)
    if task == "language_model":
        data = replace(data, target="source")
    kind = replace(config, data=data, model=replace(config.model, bidirectional=False))
    assert _train(kind, run)
    trained = load_model(run.model)
    assert trained.task == task
    assert score is None or score in trained.scores["validation"]
    measured = read_metrics(run.metrics)
    assert [row["step"] for row in measured] == [2, 4]
    assert score is None or all(score in row for row in measured)
    assert not _train(kind, run)


def test_tensorboard_is_not_needed(
    config: RunConfig, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("tensorboardX")

    monkeypatch.setattr(pipeline.training.run, "TensorBoardLogger", missing)
    assert _train(config, run)
    assert len(read_metrics(run.metrics)) == 2
    assert not (run.folder / "tensorboard").exists()


@pytest.mark.parametrize(
    ("has_cuda", "has_mps", "name"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_accelerator_that_there_is(
    monkeypatch: pytest.MonkeyPatch, has_cuda: bool, has_mps: bool, name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert pipeline.training.run._accelerator("auto") == name
    assert pipeline.training.run._accelerator("cpu") == "cpu"


def test_word2vec_begins_a_run_and_not_a_session_that_goes_on(
    config: RunConfig, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(
        pipeline.training.jobs, "begin_with_word2vec", lambda *_, seed: calls.append(seed)
    )
    config = replace(config, model=replace(config.model, embedding="word2vec"), seed=9)
    assert _train(config, run)
    assert calls == [9]
    run.finished.unlink()
    _train(config, run)
    assert calls == [9]


@pytest.mark.parametrize("embedding", ["one_hot", "word2vec"])
def test_other_embeddings_train_and_load(config: RunConfig, run: Run, embedding: Any) -> None:
    config = replace(config, model=replace(config.model, embedding=embedding))
    assert _train(config, run)
    assert load_model(run.model).model.config.embedding == embedding
