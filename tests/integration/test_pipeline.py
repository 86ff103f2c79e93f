"""From a folder of text to a model folder, scores, translations and replies, by the commands."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import yaml

from pipeline import ChatSession
from pipeline.cli.main import DONE, MISTAKE
from pipeline.model_folder import load_model
from pipeline.training.seq2seq_module import Seq2SeqModule
from tests.integration.command_line import Finished, seq2seq
from tests.integration.digits import write_digit_corpus

_TINY = (
    *("--data.tokenizer.vocab_size", "280", "--data.batch_tokens", "300"),
    *("--model.embedding_dim", "16", "--model.hidden_size", "32", "--model.num_layers", "1"),
    *("--trainer.accelerator", "cpu", "--trainer.precision", "fp32", "--trainer.warmup_steps", "3"),
)
_TRAIN = (
    *("train", "--name", "digits", "--data.path", "digits", *_TINY),
    *("--trainer.max_steps", "25", "--trainer.validate_every", "10"),
)
_SHORT = (*_TINY, "--trainer.max_steps", "2", "--trainer.validate_every", "2")
_EVALUATION_KEYS = {
    *("bleu", "chrf", "signature", "num_sentences", "sentences_per_second"),
    *("loss_nats_per_token", "split"),
}
_CHAT_KEYS = {"perplexity_per_word", "bits_per_character", "distinct_1", "distinct_2"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_digit_corpus(folder / "digits", num_train=200, num_held_out=20)
    _write_dialogues(folder / "talk.jsonl", num_dialogues=60)
    return folder


@pytest.fixture(scope="module")
def trained(place: Path) -> Finished:
    return seq2seq(*_TRAIN, cwd=place)


@pytest.fixture(scope="module")
def digits(place: Path, trained: Finished) -> Path:
    assert trained.code == DONE, trained.err
    return place / "runs" / "digits"


@pytest.fixture(scope="module")
def talk(place: Path) -> Path:
    words = ("train", "--name", "talk", "--data.path", "talk.jsonl", "--data.dialogue", "turns")
    finished = seq2seq(*words, *_SHORT, "--data.tokenizer.vocab_size", "300", cwd=place)
    assert finished.code == DONE, finished.err
    return place / "runs" / "talk"


def _write_dialogues(path: Path, *, num_dialogues: int) -> None:
    dialogues = [
        {"turns": [f"hello {n}", f"hi, are you {n}?", "yes", f"good day, {n}!"]}
        for n in range(num_dialogues)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in dialogues), encoding="utf-8")


def _evaluate(place: Path, run: str, *options: str) -> dict[str, Any]:
    finished = seq2seq("evaluate", f"runs/{run}/model", "--json", *options, cwd=place)
    assert finished.code == DONE, finished.err
    (line,) = finished.out.splitlines()
    values = json.loads(line, parse_constant=pytest.fail)  # NaN and Infinity are not JSON
    assert isinstance(values, dict)
    return values


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_a_run_leaves_what_is_documented_and_nothing_else(digits: Path) -> None:
    found = {path.name for path in digits.iterdir()} - {"tensorboard"}  # of an extra
    documented = {"config.yaml", "checkpoints", "metrics.csv", "model"}
    assert found == documented | {"learning_curve.png", "hypotheses.tsv"}
    files = {path.name for path in (digits / "model").iterdir()}
    assert files == {"config.json", "model.safetensors", "tokenizer.model", "README.md"}


def test_config_yaml_holds_all_that_was_in_force(digits: Path) -> None:
    config = yaml.safe_load((digits / "config.yaml").read_text(encoding="utf-8"))
    assert set(config) == {"data", "model", "trainer", "name", "seed"}
    assert config["data"]["tokenizer"]["vocab_size"] == 280
    assert config["trainer"]["max_steps"] == 25
    assert config["trainer"]["schedule"] == "cosine"  # a default


def test_metrics_are_those_of_the_validations_the_last_step_among_them(digits: Path) -> None:
    with (digits / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["10", "20", "25"]
    assert all(float(row["val_loss"]) > 0 and row["val_bleu"] for row in rows)
    assert float(rows[-1]["val_loss"]) < float(rows[0]["val_loss"])


def test_stdout_has_the_scores_and_stderr_the_progress(trained: Finished) -> None:
    assert trained.out.startswith("split       test, 20 sentences, greedy\n")
    assert "model       runs/digits/model\n" in trained.out
    assert "step 25 | validation loss" in trained.err
    assert "step" not in trained.out


def test_hypotheses_stand_beside_the_references(place: Path, digits: Path) -> None:
    header, *rows = _lines(digits / "hypotheses.tsv")
    assert header == "source\treference\thypothesis"
    test = [json.loads(line) for line in _lines(place / "digits" / "test.jsonl")]
    assert [row.split("\t")[:2] for row in rows] == [[p["source"], p["target"]] for p in test]


def test_the_card_holds_command_data_and_scores(digits: Path) -> None:
    card = (digits / "model" / "README.md").read_text(encoding="utf-8")
    assert f"`seq2seq {' '.join(_TRAIN)}`" in card
    assert "`digits`, source to target" in card
    scores = load_model(digits / "model").scores
    assert set(scores) == {"validation", "test"}
    assert f"| bleu | {scores['test']['bleu']:.4g} |" in card
    assert scores["test"]["signature"].startswith("nrefs:1|case:mixed")
    assert "nrefs:1" in card


def test_json_is_one_object_with_the_keys_of_the_contract(place: Path, digits: Path) -> None:
    values = _evaluate(place, digits.name)
    assert values.keys() >= _EVALUATION_KEYS
    assert (values["split"], values["num_sentences"]) == ("test", 20)
    for name in _EVALUATION_KEYS - {"signature", "split"}:
        assert type(values[name]) in (int, float), name


def test_evaluation_gives_the_scores_that_training_noted(place: Path, digits: Path) -> None:
    noted = load_model(digits / "model").scores["test"]
    values = _evaluate(place, digits.name)
    for name in ("bleu", "chrf", "loss_nats_per_token", "perplexity_per_word"):
        assert values[name] == pytest.approx(noted[name], rel=1e-6), name


@pytest.mark.parametrize("beam_size", ["1", "3"])
def test_the_batch_size_does_not_change_the_scores(
    place: Path, digits: Path, beam_size: str
) -> None:
    options = ("--split", "validation", "--beam-size", beam_size, "--batch-size")
    one, other = (_evaluate(place, digits.name, *options, size) for size in ("64", "3"))
    for values in (one, other):
        assert values.pop("sentences_per_second") > 0
        assert values.pop("by_length") == [
            {"words": "1-10", "num_sentences": 20, "bleu": values["bleu"]}
        ]
    for name, value in one.items():
        is_number = isinstance(value, float)
        assert other[name] == (pytest.approx(value, rel=1e-5) if is_number else value), name


@pytest.mark.parametrize("split", ["test", "train", "nonsense"])
def test_a_single_file_is_scored_whole(place: Path, digits: Path, split: str) -> None:
    values = _evaluate(place, digits.name, "--data", "digits/validation.jsonl", "--split", split)
    assert (values["num_sentences"], values["split"]) == (20, "digits/validation.jsonl")


def test_another_folder_is_scored_by_its_split(place: Path, digits: Path) -> None:
    other = write_digit_corpus(place / "other", num_train=20, num_held_out=5)
    values = _evaluate(place, digits.name, "--data", str(other), "--split", "validation")
    assert (values["num_sentences"], values["split"]) == (5, "validation")
    finished = seq2seq("evaluate", str(digits / "model"), "--split", "nonsense", cwd=place)
    assert finished.code == MISTAKE
    assert "no split 'nonsense'; it has train, validation, test" in finished.err


def test_translate_gives_a_line_for_a_line(place: Path, digits: Path) -> None:
    text = "1 2 3\n\n4\n   \n5 6\r\n7 8 9 1 2 3 4 5 6 7"
    (place / "lines.txt").write_text(text, encoding="utf-8", newline="")
    model = str(digits / "model")
    of_file = seq2seq("translate", model, "lines.txt", cwd=place)
    of_stdin = seq2seq("translate", model, stdin=text.encode(), cwd=place)
    of_dash = seq2seq("translate", model, "-", "--batch-size", "1", stdin=text.encode(), cwd=place)
    assert (of_file.code, of_file.err) == (DONE, "")
    assert of_file == of_stdin == of_dash
    lines = of_file.out.split("\n")
    assert len(lines) == 7
    assert lines[-1] == ""
    assert lines[1] == lines[3] == ""
    assert any(lines)


def test_nothing_to_translate(place: Path, digits: Path) -> None:
    assert seq2seq("translate", str(digits / "model"), cwd=place) == Finished(DONE, "", "")


def test_a_finished_run_is_left_as_it_is(place: Path, digits: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in digits.rglob("*")}
    again = seq2seq(*_TRAIN, cwd=place)
    assert again.code == DONE, again.err
    assert again.out.startswith("runs/digits had finished before, after 25 steps\n")
    assert "model       runs/digits/model\n" in again.out
    assert {path: path.stat().st_mtime_ns for path in digits.rglob("*")} == before


def test_what_training_left_unscored_is_scored_the_next_time(place: Path, digits: Path) -> None:
    config = digits / "model" / "config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    noted = values["scores"].pop("test")
    config.write_text(json.dumps(values), encoding="utf-8")
    again = seq2seq(*_TRAIN, cwd=place)
    assert "had finished before" in again.out
    assert "split       test, 20 sentences" in again.out
    assert load_model(digits / "model").scores["test"]["bleu"] == noted["bleu"]


@pytest.mark.parametrize(
    ("option", "key", "there", "here"),
    [
        (("--model.hidden_size", "34"), "model.hidden_size", "32", "34"),
        (("--data.tokenizer.vocab_size", "281"), "data.tokenizer.vocab_size", "280", "281"),
        (("--seed", "7"), "seed", "1", "7"),
        (("--trainer.max_time", "00:01:00"), "trainer.max_time", "None", "00:01:00"),
    ],
)
def test_another_setting_is_refused_with_both_values(
    place: Path, digits: Path, option: tuple[str, str], key: str, there: str, here: str
) -> None:
    weights = (digits / "model" / "model.safetensors").read_bytes()
    refused = seq2seq(*_TRAIN, *option, cwd=place)
    assert (refused.code, refused.out) == (MISTAKE, "")
    assert re.fullmatch(r"error: .+\n", refused.err)
    assert f"runs/digits holds a run with {key}: {there}, and now it is {here};" in refused.err
    assert (digits / "model" / "model.safetensors").read_bytes() == weights


def test_a_mistake_in_the_data_can_be_mended_under_the_same_name(place: Path) -> None:
    words = ("train", "--name", "mended", *_SHORT)
    wrong = seq2seq(*words, "--data.path", "digits", "--data.source", "sourc", cwd=place)
    assert wrong.code == MISTAKE
    assert "nearest is 'source'" in wrong.err
    assert seq2seq(*words, "--data.path", "digits", cwd=place).code == DONE


def test_a_chat_model_is_trained_scored_and_answers(place: Path, talk: Path) -> None:
    values = _evaluate(place, talk.name)
    assert values.keys() >= _EVALUATION_KEYS | _CHAT_KEYS
    for name in _CHAT_KEYS:
        assert type(values[name]) is float, name
    assert values["perplexity_per_word"] > 1
    assert values["bits_per_character"] > 0
    assert 0 <= values["distinct_1"] <= 1
    assert 0 <= values["distinct_2"] <= 1
    with (talk / "metrics.csv").open(encoding="utf-8") as stream:
        assert {row["val_bleu"] for row in csv.DictReader(stream)} == {""}

    session = ChatSession.from_pretrained(talk / "model")
    replies = [session.reply("hello 5"), session.reply("and you?")]
    assert session.turns == ("hello 5", replies[0], "and you?", replies[1])
    piped = seq2seq("chat", str(talk / "model"), stdin=b"hello 5\nand you?\n", cwd=place)
    assert (piped.code, piped.err) == (DONE, "")
    assert len(piped.out.split("\n")) == 3


def test_a_chat_model_with_a_memory_is_trained_scored_and_answers(place: Path) -> None:
    words = (
        "train",
        "--name",
        "remembers",
        "--data.path",
        "talk.jsonl",
        "--data.dialogue",
        "turns",
    )
    sizes = (*_SHORT, "--data.tokenizer.vocab_size", "300", "--model.memory", "recurrent")
    finished = seq2seq(*words, *sizes, cwd=place)
    assert finished.code == DONE, finished.err
    model = place / "runs" / "remembers" / "model"
    noted = load_model(model).scores["validation"]["val_loss"]
    values = _evaluate(place, "remembers", "--split", "validation")
    assert values["loss_nats_per_token"] == pytest.approx(noted, rel=1e-4)
    piped = seq2seq("chat", str(model), stdin=b"hello 5\nand you?\n", cwd=place)
    assert (piped.code, piped.err) == (DONE, "")
    assert len(piped.out.split("\n")) == 3


def test_a_chat_model_does_not_translate_and_a_translator_does_not_chat(
    place: Path, digits: Path, talk: Path
) -> None:
    assert seq2seq("translate", str(talk / "model"), stdin=b"1\n", cwd=place).code == MISTAKE
    assert seq2seq("chat", str(digits / "model"), stdin=b"1\n", cwd=place).code == MISTAKE


def test_separate_vocabularies(place: Path) -> None:
    words = ("train", "--name", "apart", "--data.path", "digits", *_SHORT)
    assert seq2seq(*words, "--data.tokenizer.joint", "false", cwd=place).code == DONE
    model = place / "runs" / "apart" / "model"
    assert (model / "tokenizer.target.model").is_file()
    assert len(load_model(model).tokenizers) == 2
    assert _evaluate(place, "apart")["num_sentences"] == 20
    assert seq2seq("translate", str(model), stdin=b"1 2\n", cwd=place).code == DONE


def test_byte_pairs(place: Path) -> None:
    words = ("train", "--name", "bpe", "--data.path", "digits", *_SHORT)
    finished = seq2seq(*words, "--data.tokenizer.model_type", "bpe", cwd=place)
    assert finished.code == DONE, finished.err
    assert _evaluate(place, "bpe")["num_sentences"] == 20


@pytest.mark.parametrize("attention", ["none", "dot"])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_every_cell_trains_with_and_without_attention(
    place: Path, cell: str, attention: str
) -> None:
    name = f"{cell}_{attention}"
    options = ("--model.cell", cell, "--model.attention", attention, "--trainer.ema_decay", "0")
    words = ("train", "--name", name, "--data.path", "digits", *_SHORT, *options)
    assert seq2seq(*words, cwd=place).code == DONE
    weights = safetensors.torch.load_file(place / "runs" / name / "model" / "model.safetensors")
    assert weights["output_bias"].abs().max() > 0, "as before the first step"
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_an_interrupted_training_leaves_with_130(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Seq2SeqModule, "training_step", interrupted)
    words = ("train", "--name", "interrupted", "--data.path", "digits", *_SHORT)
    assert seq2seq(*words, cwd=place).code == 130


@pytest.mark.parametrize("seed", ["-1", "99999999999"])
def test_a_seed_out_of_bounds_is_a_mistake(place: Path, seed: str) -> None:
    words = ("train", "--name", f"seed{seed}", "--data.path", "digits", "--seed", seed, *_SHORT)
    assert seq2seq(*words, cwd=place).code == MISTAKE


def test_an_output_that_cannot_be_written_is_a_mistake(place: Path, digits: Path) -> None:
    assert (
        seq2seq("evaluate", str(digits / "model"), "--output", "nowhere/x.tsv", cwd=place).code
        == MISTAKE
    )


def test_a_line_that_is_cut_is_quoted(place: Path, digits: Path) -> None:
    text = b"1\n" * 1026 + b"1 " * 600 + b"\n"
    assert (
        "of the line '1 1 1"
        in seq2seq("translate", str(digits / "model"), stdin=text, cwd=place).err
    )


def test_one_model_translates_into_several_languages(place: Path) -> None:
    rows = [{"en": f"dog {n}", "de": f"Hund {n}", "ko": f"개 {n}"} for n in range(120)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (place / "languages.jsonl").write_text(text, encoding="utf-8")
    training = (
        *("train", "--name", "languages", "--data.path", "languages.jsonl"),
        *("--data.source", "en", "--data.target", "[de, ko]"),
        *(*_SHORT, "--data.tokenizer.vocab_size", "290"),
    )
    finished = seq2seq(*training, cwd=place)
    assert finished.code == DONE, finished.err
    assert "directions: en to de, en to ko; a validation scores all of them" in finished.err
    assert finished.out.count("split       test, 12 sentences") == 2
    assert "--to de" in finished.out
    folder = place / "runs" / "languages"
    scores = load_model(folder / "model").scores
    assert list(scores) == ["validation", "test, en to de", "test, en to ko"]
    for language, word in (("de", "Hund"), ("ko", "개")):
        path = folder / f"hypotheses.en-{language}.tsv"
        with path.open(encoding="utf-8", newline="") as stream:
            found = list(csv.DictReader(stream, delimiter="\t"))
        assert {row["reference"].split()[0] for row in found} == {word}
        words = ("evaluate", "runs/languages/model", "--to", language, "--json")
        evaluated = json.loads(seq2seq(*words, cwd=place).out)
        assert evaluated["chrf"] == scores[f"test, en to {language}"]["chrf"]
    assert "had finished before" in seq2seq(*training, cwd=place).out
