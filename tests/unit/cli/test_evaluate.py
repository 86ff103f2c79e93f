import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from sacrebleu.tokenizers import tokenizer_ko_mecab

from pipeline import Classifier, Translator
from pipeline.cli import evaluate
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.evaluation import Numbers, Pairs
from pipeline.model_folder import load_model, save_model
from pipeline.task import Task
from pipeline.tokenizer import Tokenizer
from tests.building import build_untrained
from tests.unit.cli.test_score_report import CLASSIFICATION, EVALUATION, FORECAST, LANGUAGE

_PAIRS = Pairs(split="test", sources=["der Hund", "Koreanisch"], references=["a dog", "한국어"])


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


def test_bleu_is_computed_as_asked_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "Two children are playing in the water today!"
    reference = Translator.from_pretrained(folder)(source).swapcase()
    path = tmp_path / "pairs.tsv"
    path.write_text(f"en\tko\n{source}\t{reference}\n", encoding="utf-8")
    arguments = [str(folder), "--data", str(path)]
    cased, lowercased, characters, both = (
        _json(capsys, [*arguments, *options])
        for options in (
            [],
            ["--lowercase"],
            ["--bleu-tokenizer", "char"],
            ["--bleu-tokenizer", "char", "--lowercase"],
        )
    )
    assert "case:mixed|eff:no|tok:13a" in cased["signature"]
    assert "case:lc|eff:no|tok:13a" in lowercased["signature"]
    assert "case:mixed|eff:no|tok:char" in characters["signature"]
    assert "case:lc|eff:no|tok:char" in both["signature"]
    assert characters["bleu"] < 99
    assert both["bleu"] == both["by_length"][0]["bleu"] == pytest.approx(100)
    assert set(cased) == set(lowercased)
    evaluate.run([*arguments, "--bleu-tokenizer", "char"])
    assert "   nrefs:1|case:mixed|eff:no|tok:char|" in capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> dict[str, Any]:
    evaluate.run([*arguments, "--json"])
    values = json.loads(capsys.readouterr().out)
    assert isinstance(values, dict)
    return values


def test_a_tokenizer_of_bleu_that_is_missing_is_told_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokenizer_ko_mecab, "MeCab", None)
    with pytest.raises(ConfigError, match=r"^--bleu-tokenizer ko-mecab: needs sacrebleu\[ko\]"):
        evaluate.run(["no model", "--bleu-tokenizer", "ko-mecab"])


@pytest.mark.parametrize("words", [["--lowercase"], ["--reverse", "other"]])
def test_what_a_generator_is_asked_is_refused_where_nothing_is_generated(
    tiny_tokenizer: Tokenizer, table: Path, tmp_path: Path, words: list[str]
) -> None:
    folder = _save(tmp_path / "model", "classification", tiny_tokenizer)
    message = f"^{words[0]}: expected a translator or a chatbot, got a model for classification$"
    with pytest.raises(ConfigError, match=message):
        evaluate.run([folder, "--data", str(table), *words])


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
    evaluate.write_hypotheses(tmp_path / "out.tsv", _PAIRS, EVALUATION)
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8") == (
        "source\treference\thypothesis\nder Hund\ta dog\tthe dog\nKoreanisch\t한국어\t한국어\n"
    )


def test_labels_in_a_file(tmp_path: Path) -> None:
    pairs = Pairs(split="test", sources=["er geht", "gut"], references=["좋음", "좋음"])
    evaluate.write_hypotheses(tmp_path / "out.tsv", pairs, CLASSIFICATION)
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8") == (
        "source\treference\thypothesis\ner geht\t좋음\tso so\ngut\t좋음\t좋음\n"
    )


def test_without_text_there_is_no_file(tmp_path: Path) -> None:
    numbers = Numbers(split="test", values=np.zeros(2, dtype=np.float32))
    evaluate.write_hypotheses(tmp_path / "out.tsv", numbers, FORECAST)
    evaluate.write_hypotheses(tmp_path / "out.tsv", _PAIRS, LANGUAGE)
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


@pytest.fixture(scope="module")
def chat_folder(tiny_chat_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("whole-chat") / "model"
    trained = load_model(tiny_chat_folder)
    save_model(replace(trained, data={**trained.data, "tokenizer": {}}), folder)
    return str(folder)


def test_bleu_of_a_chatbot_is_computed_as_asked(
    chat_folder: str, talk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = _json(capsys, [chat_folder, "--data", talk, "--bleu-tokenizer", "char"])
    assert "tok:char" in values["signature"]


def test_a_chatbot_has_its_measures_in_json(
    chat_folder: str, talk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--json", "--temperature", "0.5", "--top-p", "0.9", "--seed", "3"]
    evaluate.run([chat_folder, "--data", talk, *options])
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    values = json.loads(out)
    shares = ("distinct_3", "top_10_reply_share", "rep_4", "hits_at_1")
    assert all(0 <= values[name] <= 1 for name in shares)
    assert -1 <= values["relevance"] <= 1
    assert values["mean_length"] >= 0
    assert [(row["turn"], row["num_sentences"]) for row in values["by_turn"]] == [
        (1, 4),
        (2, 4),
        (3, 4),
    ]
    settings = values["settings"]
    assert (settings["temperature"], settings["top_p"], settings["seed"]) == (0.5, 0.9, 3)


def test_settings_of_a_chat_are_refused_elsewhere(folder: Path, corpus: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--temperature: expected a chatbot, got a model for"):
        evaluate.run([str(folder), "--data", str(corpus), "--temperature", "0.5"])


def test_a_beam_does_not_go_with_a_temperature(chat_folder: str, talk: str) -> None:
    with pytest.raises(ConfigError, match="^--beam-size: expected 1 where --temperature is above"):
        evaluate.run([chat_folder, "--data", talk, "--temperature", "0.5", "--beam-size", "2"])


def test_how_was_searched_is_in_the_json(
    folder: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--beam-size", "3", "--length-penalty", "0.5", "--coverage-penalty", "0.1"]
    evaluate.run(
        [str(folder), "--data", str(corpus), "--json", *options, "--ensemble", str(folder)]
    )
    values = json.loads(capsys.readouterr().out)
    assert values["search"] == {
        "beam_size": 3,
        "length_penalty": 0.5,
        "coverage_penalty": 0.1,
        "reverse_weight": 0.0,
        "mbr": 0,
    }
    assert (values["beam_size"], values["num_models"]) == (3, 2)


@pytest.mark.parametrize(
    "words", [["--mbr", "4"], ["--ensemble"], ["--beam-size", "2", "--coverage-penalty", "0.1"]]
)
def test_a_translators_search_is_refused_elsewhere(
    chat_folder: str, talk: str, words: list[str]
) -> None:
    words = [*words, chat_folder] if words == ["--ensemble"] else words
    with pytest.raises(ConfigError, match="^--(mbr|ensemble|coverage-penalty): expected a trans"):
        evaluate.run([chat_folder, "--data", talk, *words])


def test_a_reverse_model_has_a_say(
    folder: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = load_model(folder)
    back = {**trained.data, "source": "ko", "target": "en"}
    save_model(replace(trained, data=back), tmp_path / "back")
    output = tmp_path / "hypotheses.tsv"
    words = [str(folder), "--data", str(corpus), "--beam-size", "4", "--output", str(output)]
    assert _json(capsys, words)["search"]["reverse_weight"] == 0
    plain = output.read_text(encoding="utf-8")
    words += ["--reverse", str(tmp_path / "back")]
    assert _json(capsys, words)["search"]["reverse_weight"] == 0.2
    words += ["--reverse-weight", "9"]
    assert _json(capsys, words)["search"]["reverse_weight"] == 9
    assert output.read_text(encoding="utf-8") != plain


def test_a_chatbots_reverse_model_is_no_translators(
    chat_folder: str, talk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--num-candidates", "3", "--temperature", "0.5", "--reverse", chat_folder]
    assert _json(capsys, [chat_folder, "--data", talk, *options])["search"]["reverse_weight"] == 0


def test_one_of_several_directions_is_scored(
    tiny_multilingual_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "hypotheses.tsv"
    words = [str(tiny_multilingual_folder), "--to", "ko", "--output", str(output)]
    evaluate.run([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["num_sentences"] == 3
    rows = [line.split("\t") for line in output.read_text(encoding="utf-8").splitlines()]
    assert [row[:2] for row in rows[1:]] == [[f"Bicycle {n}.", f"강아지 {n}."] for n in (0, 1, 3)]
    translator = Translator.from_pretrained(tiny_multilingual_folder)
    sources = [row[0] for row in rows[1:]]
    assert [row[2] for row in rows[1:]] == translator.translate(sources, target_language="ko")
    evaluate.run(words)
    assert capsys.readouterr().out.startswith("direction   en to ko\nsplit       test, 3 sentences")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--from, --to: expected one of en to de, en to ko"),
        (["--from", "ko"], "--from ko: expected one of en to de, en to ko"),
        (["--from", "de", "--to", "ko"], "--from de --to ko: expected one of en to de, en to ko"),
    ],
)
def test_a_direction_that_was_not_trained_is_not_scored(
    tiny_multilingual_folder: Path, words: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        evaluate.run([str(tiny_multilingual_folder), *words])


def test_a_chatbot_has_no_direction(tiny_chat_folder: Path) -> None:
    with pytest.raises(ConfigError, match="^--to ko: expected a translator, got a model for chat"):
        evaluate.run([str(tiny_chat_folder), "--to", "ko"])


def test_the_worst_translations(
    folder: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate.run([str(folder), "--data", str(corpus), "--worst", "2"])
    printed = capsys.readouterr().out.splitlines()
    shown = printed[printed.index("the worst, by chrF2:") + 1 :]
    assert [line[8:20].strip() for line in shown] == ["source", "reference", "hypothesis"] * 2

    evaluate.run([str(folder), "--data", str(corpus), "--worst", "2", "--json"])
    worst = json.loads(capsys.readouterr().out)["worst"]
    assert [line[20:].strip() for line in shown] == [
        sentence[name] for sentence in worst for name in ("source", "reference", "hypothesis")
    ]
    assert worst[0]["chrf"] <= worst[1]["chrf"]


def test_the_worst_are_of_translators(chat_folder: str) -> None:
    with pytest.raises(ConfigError, match="^--worst: expected 0 or more, got -1"):
        evaluate.run([chat_folder, "--worst", "-1"])
    with pytest.raises(ConfigError, match="^--worst: expected a translator, got a model for chat"):
        evaluate.run([chat_folder, "--worst", "3"])
