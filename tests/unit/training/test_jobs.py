import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch

from pipeline.data.by_step import Position
from pipeline.data.config import DataConfig
from pipeline.decoding import LengthLimit
from pipeline.errors import ConfigError
from pipeline.model_folder import TrainedModel, load_model, save_model
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.config import ModelConfig
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.loss import SummedLoss
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import EOS_ID, TokenizerConfig
from pipeline.training.config import RunConfig, TrainerConfig
from pipeline.training.jobs import Job, TextJob, prepare_job
from pipeline.training.minimum_risk import minimum_risk_loss
from pipeline.training.seq2seq_module import Seq2SeqModule


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"text": f"dog {n}", "kind": "odd" if n % 2 else "even", "number": n % 7} for n in range(60)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def _job(rows: Path, *, data: Mapping[str, Any], **model: object) -> Job:
    tokenizer = TokenizerConfig(vocab_size=290, model_type="bpe")
    config = RunConfig(
        data=DataConfig(path=str(rows), tokenizer=tokenizer, max_tokens=10, **data),
        model=ModelConfig(
            **{"hidden_size": 6, "embedding_dim": 4, "bidirectional": False, **model}  # type: ignore[arg-type]
        ),
        trainer=TrainerConfig(),
        name="job",
    )
    return prepare_job(config, rows.parent / "run")


_PAIRS = {"source": "text", "target": "kind"}
_KINDS = [
    ({**_PAIRS, "task": "translation"}, Seq2Seq, 1),
    ({**_PAIRS, "task": "classification"}, SequenceClassifier, 1),
    ({"target": "text", "task": "language_model"}, LanguageModel, 1),
    ({"target": "number", "task": "forecast"}, Forecaster, 0),
]


@pytest.mark.parametrize(("data", "kind", "num_tokenizers"), _KINDS)
def test_each_task_has_its_network_its_module_and_its_batches(
    rows: Path, data: dict[str, str], kind: type, num_tokenizers: int
) -> None:
    job = _job(rows, data=data)
    network = job.network(is_new=True)
    assert type(network) is kind
    assert len(job.tokenizers) == num_tokenizers
    assert job.module(network).model is network
    batch = next(iter(job.data_module().val_dataloader()))
    assert network.loss(batch).nats_sum > 0


@pytest.mark.parametrize(("data", "kind", "num_tokenizers"), _KINDS)
def test_each_network_comes_back_from_its_folder(
    rows: Path, tmp_path: Path, data: dict[str, str], kind: type, num_tokenizers: int
) -> None:
    job = _job(rows, data=data)
    network = job.network(is_new=True)
    trained = TrainedModel(
        network=network, tokenizers=job.tokenizers, task=job.task, data=job.data_as_dict()
    )
    save_model(trained, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert type(loaded.network) is kind
    assert loaded.task == data["task"]
    assert len(loaded.tokenizers) == num_tokenizers
    batch = next(iter(job.data_module().val_dataloader()))
    network.eval()
    assert torch.equal(network.loss(batch).nats_sum, loaded.network.loss(batch).nats_sum)
    if kind is not Seq2Seq:
        message = f"a model for {data['task']}; expected one for translation or chat"
        with pytest.raises(Exception, match=message):
            _ = loaded.model


def test_the_labels_that_were_found_are_kept_with_the_model(rows: Path) -> None:
    job = _job(rows, data={**_PAIRS, "task": "classification"})
    assert job.data_as_dict()["labels"] == ["even", "odd"]
    assert job.config.data.labels is None


def test_a_forecaster_counts_in_the_units_of_its_training_series(rows: Path) -> None:
    network = _job(rows, data={"target": "number", "task": "forecast"}).network(is_new=True)
    assert isinstance(network, Forecaster)
    train = torch.tensor([n % 7 for n in range(48)], dtype=torch.float32)
    assert network.mean.item() == pytest.approx(train.mean().item())
    assert network.scale.item() == pytest.approx(train.std(correction=0).item())


def test_a_series_without_change_can_be_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("number\n" + "5\n" * 60, encoding="utf-8")
    job = _job(path, data={"target": "number", "task": "forecast"})
    network = job.network(is_new=True)
    batch = next(iter(job.data_module().val_dataloader()))
    assert network.loss(batch).nats_sum.isfinite()


@pytest.mark.parametrize("task", ["classification", "language_model"])
def test_word2vec_begins_these_embeddings_too(rows: Path, task: str) -> None:
    columns = _PAIRS if task == "classification" else {"target": "text"}
    job = _job(rows, data={**columns, "task": task}, embedding="word2vec")
    torch.manual_seed(1)
    new = job.network(is_new=True)
    torch.manual_seed(1)
    old = job.network(is_new=False)
    assert isinstance(new, SequenceClassifier | LanguageModel)
    assert isinstance(old, SequenceClassifier | LanguageModel)
    one, other = (net.encoder.embedding.get_parameter("weight") for net in (new, old))
    used = {i for ids in job.corpus.train["source_ids"] for i in ids}  # type: ignore[attr-defined]
    differ = set((one != other).any(dim=1).nonzero().flatten().tolist())
    assert differ == used


def test_what_reads_backwards_cannot_forecast(rows: Path) -> None:
    job = _job(rows, data={"target": "number", "task": "forecast"}, bidirectional=True)
    with pytest.raises(ConfigError, match=r"model\.bidirectional"):
        job.network(is_new=True)


def test_a_chat_by_its_dialogue_is_a_chat(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    talk = [{"turns": [f"hello {n}", f"hi {n}"]} for n in range(30)]
    path.write_text("\n".join(map(json.dumps, talk)), encoding="utf-8")
    job = _job(path, data={"dialogue": "turns"})
    assert job.task == "chat"
    assert replace(job.config.data).task == "translation"


def test_tokens_are_weighed_by_how_often_they_are_to_be_predicted(rows: Path) -> None:
    config = RunConfig(
        data=DataConfig(
            path=str(rows),
            source="kind",
            target="text",
            task="chat",
            tokenizer=TokenizerConfig(vocab_size=290, model_type="bpe"),
        ),
        model=ModelConfig(hidden_size=6, embedding_dim=4),
        trainer=TrainerConfig(frequency_weighting=0.5),
        name="weighted",
    )
    job = prepare_job(config, rows.parent / "run")
    assert isinstance(job, TextJob)
    module = job.module(job.network(is_new=True))
    assert isinstance(module, Seq2SeqModule)
    assert module.label_weights is not None
    labels = [[*ids, EOS_ID] for ids in job.corpus.train["target_ids"]]
    flat = torch.tensor([token_id for ids in labels for token_id in ids])
    # One of them ends each reply, the others are rarer.
    assert module.label_weights[EOS_ID] == module.label_weights[flat].min()
    assert float(module.label_weights[flat].mean()) == pytest.approx(1.0)


def test_the_objective_is_what_the_configuration_says(rows: Path) -> None:
    tokenizer = TokenizerConfig(vocab_size=290, model_type="bpe")
    config = RunConfig(
        data=DataConfig(path=str(rows), source="text", target="kind", tokenizer=tokenizer),
        model=ModelConfig(hidden_size=6, embedding_dim=4),
        trainer=TrainerConfig(r_drop=5.0, label_smoothing=0.2),
        name="twice",
    )
    job = prepare_job(config, rows.parent / "run")
    network = job.network(is_new=True)
    assert isinstance(network, Seq2Seq)
    module = job.module(network)
    batch = next(iter(job.data_module().val_dataloader()))

    def objective(loss: Callable[[], SummedLoss]) -> float:
        torch.manual_seed(7)
        return float(loss().objective_sum.detach())

    found = objective(lambda: module.objective(batch))
    assert found == objective(lambda: network.loss(batch, label_smoothing=0.2, r_drop=5.0))
    assert found != objective(lambda: network.loss(batch, label_smoothing=0.2))

    module.config = TrainerConfig(minimum_risk=3, label_smoothing=0.2)
    found = objective(lambda: module.objective(batch))
    assert found == objective(
        lambda: minimum_risk_loss(
            network,
            batch,
            num_samples=3,
            tokenizer=job.tokenizers[-1],
            limit=LengthLimit(),
            label_smoothing=0.2,
        )
    )


def test_of_a_mixture_each_corpus_is_gone_through_as_often_as_it_says(tmp_path: Path) -> None:
    paths = []
    for name, count in (("one", 40), ("other", 30)):
        talk = [{"turns": [f"{name} {n}", f"{name} said {n}"]} for n in range(count)]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(map(json.dumps, talk)), encoding="utf-8")
        paths.append(str(path))
    data = DataConfig(
        path=paths,
        repeats=[1, 3],
        dialogue="turns",
        held_out_rows=5,
        tokenizer=TokenizerConfig(vocab_size=290, model_type="bpe"),
    )
    model = ModelConfig(memory="recurrent", hidden_size=6, embedding_dim=4)
    job = prepare_job(RunConfig(data=data, model=model, name="mixed"), tmp_path / "run")
    assert isinstance(job, TextJob)
    batches = job.data_module().training_batches(Position())  # type: ignore[attr-defined]
    first_words = [
        job.tokenizers[0].decode(turns[0]).split()[0] for turns in batches._conversations["turns"]
    ]
    one, other = (len(corpus["train"]) for corpus in job.corpus.corpora)
    assert (first_words.count("one"), first_words.count("other")) == (one, 3 * other)
    held_out = sum(len(corpus["validation"]) for corpus in job.corpus.corpora)
    turns = [batch.turns for batch in job.data_module().val_dataloader()]
    assert sum(map(len, turns)) == held_out


def test_a_validation_translates_into_each_language_with_its_tag(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "rows.jsonl"
    rows = [{"en": f"dog {n}", "de": f"Hund {n}", "ko": f"개 {n}"} for n in range(100)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data: dict[str, Any] = {"source": "en", "target": ["de", "ko"]}
    job = _job(path, data=data)
    assert "directions: en to de, en to ko; a validation scores all of them together" in caplog.text
    module = job.module(job.network(is_new=True))
    assert isinstance(module, Seq2SeqModule)
    text = module.validation
    (tokenizer,) = job.tokenizers
    assert len(text.sources) == 20
    for shown, ids, reference in zip(text.sources, text.source_ids, text.references, strict=True):
        tag, source = shown.split(" ", 1)
        language, word = ("de", "Hund") if tag == "<2de>" else ("ko", "개")
        assert list(ids) == [tokenizer.tag_id(language), *tokenizer.encode(source)]
        assert reference == source.replace("dog", word)
    assert [text.sources[row][:5] for row in text.sample_rows] == ["<2de>", "<2ko>"] * 2 + ["<2de>"]
