import json
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest

from pipeline import Classifier
from pipeline.cli import evaluate
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.evaluation import (
    ClassificationScores,
    ForecastScores,
    GenerationScores,
    LanguageModelScores,
    Numbers,
    Pairs,
)
from pipeline.model_folder import load_model, save_model
from pipeline.task import Task
from pipeline.tokenizer import Tokenizer
from tests.building import build_untrained

_EVALUATION = GenerationScores(
    split="test",
    num_sentences=2,
    bleu=31.4159,
    chrf=50.0,
    signature="nrefs:1|bleu",
    chrf_signature="nrefs:1|chrf",
    exact_match=0.5,
    loss_nats_per_token=1.23456,
    perplexity_per_word=9.8765,
    bits_per_character=2.3456,
    distinct_1=0.75,
    distinct_2=0.875,
    beam_size=1,
    sentences_per_second=1234.5,
    by_length=[{"words": "1-10", "num_sentences": 2, "bleu": 31.4159}],
    hypotheses=["the dog", "한국어"],
)
_PAIRS = Pairs(split="test", sources=["der Hund", "Koreanisch"], references=["a dog", "한국어"])

_CLASSIFICATION = ClassificationScores(
    split="test",
    num_sentences=1234,
    accuracy=0.98765,
    macro_f1=0.56789,
    loss_nats_per_label=0.98765,
    by_label={
        "so so": {"precision": 0.25, "recall": 0.5, "f1": 1 / 3, "num_sentences": 1230},
        "좋음": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "num_sentences": 4},
    },
    hypotheses=["so so", "좋음"],
)
_LANGUAGE = LanguageModelScores(
    split="validation",
    num_sentences=1234,
    loss_nats_per_token=1.23456,
    perplexity_per_word=98.765,
    bits_per_character=2.3456,
)
_FORECAST = ForecastScores(
    split="test",
    num_values=1234,
    loss_nats_per_value=1.23456,
    rmse=2.34567,
    mae=1.98765,
    naive_rmse=3.45678,
    naive_mae=2.87654,
)


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    rows = [f"A man is riding bicycle {n}.\t강아지 {n}" for n in range(4)]
    path.write_text("\n".join(["en\tko", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tiny_translator_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a training writes it: its `data` section is whole."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    trained = load_model(tiny_translator_folder)
    save_model(replace(trained, data={**trained.data, "tokenizer": {}}), folder)
    return folder


@pytest.mark.parametrize(
    ("option", "value"), [("--beam-size", "0"), ("--beam-size", "-1"), ("--batch-size", "0")]
)
def test_sizes_are_one_or_more(option: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{option}: expected 1 or more, got {value}$"):
        evaluate.run(["no model", option, value])


def test_a_model_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        evaluate.run([str(tmp_path / "nothing")])


def test_a_corpus_has_to_be_there(folder: Path) -> None:
    with pytest.raises(DataError, match="./nothing.tsv: no such file"):
        evaluate.run([str(folder), "--data", "./nothing.tsv"])


def test_json_is_one_line_on_stdout(
    folder: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate.run([str(folder), "--data", str(corpus), "--json", "--beam-size", "2"])
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    values = json.loads(out)
    assert (values["num_sentences"], values["beam_size"]) == (4, 2)
    assert "hypotheses" not in values


def test_output_is_a_table_of_texts(
    folder: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "hypotheses.tsv"
    evaluate.run([str(folder), "--data", str(corpus), "--output", str(output)])
    rows = [line.split("\t") for line in output.read_text(encoding="utf-8").split("\n")]
    assert rows[0] == ["source", "reference", "hypothesis"]
    assert [row[0] for row in rows[1:-1]] == [f"A man is riding bicycle {n}." for n in range(4)]
    assert [row[1] for row in rows[1:-1]] == [f"강아지 {n}" for n in range(4)]
    assert rows[-1] == [""]
    out, err = capsys.readouterr()
    assert out.startswith(f"split       {corpus}, 4 sentences, greedy\n")
    assert err == ""


def test_without_output_it_says_how_to_get_one(
    folder: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate.run([str(folder), "--data", str(corpus)])
    out, err = capsys.readouterr()
    assert out
    assert err == "--output FILE.tsv writes the hypotheses beside the references\n"


def test_hypotheses_in_a_file(tmp_path: Path) -> None:
    evaluate.write_hypotheses(tmp_path / "out.tsv", _PAIRS, _EVALUATION)
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8") == (
        "source\treference\thypothesis\nder Hund\ta dog\tthe dog\nKoreanisch\t한국어\t한국어\n"
    )


def test_the_report_of_a_translator() -> None:
    assert evaluate.report(_EVALUATION, is_chat=False).splitlines() == [
        "split       test, 2 sentences, greedy",
        "BLEU        31.42   nrefs:1|bleu",
        "chrF        50.00   nrefs:1|chrf",
        "exact match 50.0%",
        "loss        1.2346 nats a token",
        "perplexity  9.88 a word, 2.346 bits a character",
        "speed       1234 sentences/s",
        "     1-10 words: BLEU 31.42  (2)",
    ]


def test_the_report_of_a_chatbot() -> None:
    lines = evaluate.report(replace(_EVALUATION, beam_size=4), is_chat=True).splitlines()
    assert lines[0] == "split       test, 2 sentences, beam 4"
    assert "distinct    1: 0.7500, 2: 0.8750" in lines
    assert not any(" words: BLEU" in line for line in lines)


def test_the_report_of_a_classifier() -> None:
    assert evaluate.report(_CLASSIFICATION, is_chat=False).splitlines() == [
        "split       test, 1,234 sentences",
        "accuracy    98.77%",
        "macro F1    0.5679",
        "loss        0.9877 nats a label",
        "  so so: precision 0.25, recall 0.50, F1 0.33  (1,230)",
        "  좋음: precision 0.00, recall 0.00, F1 0.00  (4)",
    ]


def test_the_report_of_a_language_model() -> None:
    assert evaluate.report(_LANGUAGE, is_chat=False).splitlines() == [
        "split       validation, 1,234 sentences",
        "loss        1.2346 nats a token",
        "perplexity  98.77 a word",
        "            2.346 bits a character",
    ]


def test_the_report_of_a_forecaster() -> None:
    assert evaluate.report(_FORECAST, is_chat=False).splitlines() == [
        "split       test, 1,234 forecasts, a step ahead",
        "loss        1.2346 nats a value",
        "RMSE        2.346   (the value before as a forecast: 3.457)",
        "MAE         1.988   (the value before as a forecast: 2.877)",
    ]


def test_labels_in_a_file(tmp_path: Path) -> None:
    pairs = Pairs(split="test", sources=["er geht", "gut"], references=["좋음", "좋음"])
    evaluate.write_hypotheses(tmp_path / "out.tsv", pairs, _CLASSIFICATION)
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8") == (
        "source\treference\thypothesis\ner geht\t좋음\tso so\ngut\t좋음\t좋음\n"
    )


def test_without_text_there_is_no_file(tmp_path: Path) -> None:
    numbers = Numbers(split="test", values=np.zeros(2, dtype=np.float32))
    evaluate.write_hypotheses(tmp_path / "out.tsv", numbers, _FORECAST)
    evaluate.write_hypotheses(tmp_path / "out.tsv", _PAIRS, _LANGUAGE)
    assert not (tmp_path / "out.tsv").exists()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.tsv"
    rows = [f"A man is riding bicycle {n}.\t{n % 2}" for n in range(4)]
    path.write_text("\n".join(["source\ttarget", *rows]) + "\n", encoding="utf-8")
    return path


def _save(folder: Path, task: Task, tokenizer: Tokenizer) -> str:
    labels = ["0", "1"] if task == "classification" else None
    config = DataConfig(path="x", task=task, labels=labels)
    trained = build_untrained(config, *([] if task == "forecast" else [tokenizer]))
    save_model(trained, folder)
    return str(folder)


@pytest.mark.parametrize(
    ("task", "name", "count"),
    [
        ("classification", "num_sentences", 4),
        ("language_model", "num_sentences", 4),
        ("forecast", "num_values", 3),
    ],
)
def test_every_kind_has_its_numbers_in_json(
    tiny_tokenizer: Tokenizer,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: Task,
    name: str,
    count: int,
) -> None:
    folder = _save(tmp_path / "model", task, tiny_tokenizer)
    evaluate.run([folder, "--data", str(table), "--json"])
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    values = json.loads(out)
    assert (values["split"], values[name]) == (str(table), count)
    assert "hypotheses" not in values
    evaluate.run([folder, "--data", str(table)])
    out, err = capsys.readouterr()
    assert out.startswith(f"split       {table}, {count} ")
    assert err == ""


@pytest.mark.parametrize("task", ["language_model", "forecast"])
def test_output_is_refused_where_no_text_is_written(
    tiny_tokenizer: Tokenizer,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: Task,
) -> None:
    folder = _save(tmp_path / "model", task, tiny_tokenizer)
    output = tmp_path / "out.tsv"
    with pytest.raises(ConfigError, match=f"^--output: a model for {task} writes no text$"):
        evaluate.run([folder, "--data", str(table), "--output", str(output)])
    assert not output.exists()
    assert capsys.readouterr() == ("", "")


def test_output_of_a_classifier_is_a_table_of_labels(
    tiny_tokenizer: Tokenizer, table: Path, tmp_path: Path
) -> None:
    folder = _save(tmp_path / "model", "classification", tiny_tokenizer)
    output = tmp_path / "out.tsv"
    evaluate.run([folder, "--data", str(table), "--output", str(output)])
    sources = [f"A man is riding bicycle {n}." for n in range(4)]
    labels = Classifier.from_pretrained(folder).classify(sources)
    rows = zip(sources, "0101", labels, strict=True)
    assert output.read_text(encoding="utf-8").splitlines() == [
        "source\treference\thypothesis",
        *map("\t".join, rows),
    ]
