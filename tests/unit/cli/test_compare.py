import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import datasets
import pytest
import torch

from pipeline import Translator
from pipeline.cli import compare, evaluate
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.evaluation.comparison import Sentence
from pipeline.model_folder import load_model, save_model
from pipeline.tokenizer import TokenizerConfig, train_tokenizer
from tests.building import build_untrained


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with splits; what the models say is no worse than nonsense."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, first, num in (("train", 0, 40), ("validation", 100, 30), ("test", 200, 25)):
        rows = [
            {"en": f"A man is riding bicycle {n}.", "ko": f"강아지 {n} in the water"}
            for n in range(first, first + num)
        ]
        text = "\n".join(json.dumps(row) for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(
    tiny_translator_folder: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("two")
    config = DataConfig(path=str(corpus), source="en", target="ko")
    for name in ("a", "b"):
        trained = load_model(tiny_translator_folder)
        if name == "b":
            with torch.no_grad():
                trained.model.decoder.W_c.weight.neg_()
        save_model(replace(trained, data=asdict(config)), root / name)
    return str(root / "a"), str(root / "b")


def _rows(corpus: Path, split: str) -> list[dict[str, str]]:
    text = (corpus / f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _json(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> dict[str, Any]:
    compare.run([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    values = json.loads(out)
    assert isinstance(values, dict)
    return values


def test_json_is_one_line_on_stdout(
    models: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    values = _json(capsys, [*models, "--beam-size", "2"])
    assert (values["split"], values["num_sentences"], values["beam_size"]) == ("validation", 30, 2)
    assert (values["model_a"], values["model_b"]) == models
    assert values["by_frequency"] is not None


@pytest.mark.parametrize("options", [[], ["--lowercase", "--bleu-tokenizer", "char"]])
def test_scores_are_those_of_evaluate(
    models: tuple[str, str], capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    values = _json(capsys, [*models, "--split", "test", *options])
    for name, model in zip("ab", models, strict=True):
        evaluate.run([model, "--json", *options])
        expected = json.loads(capsys.readouterr().out)
        assert values["bleu"][name]["score"] == pytest.approx(expected["bleu"])
        assert values["chrf"][name]["score"] == pytest.approx(expected["chrf"])
        assert (
            values["bleu"]["signature"].replace("bs:1000|seed:12345|", "")
            == (expected["signature"])
        )


def test_the_other_order_mirrors_it(
    models: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    values, mirrored = _json(capsys, models), _json(capsys, models[::-1])
    for name in ("bleu", "chrf", "ter"):
        assert values[name]["a"] == mirrored[name]["b"]
        assert values[name]["p_value"] == mirrored[name]["p_value"]
        assert values[name]["difference"] == -mirrored[name]["difference"]
    assert values["chrf"]["difference"] != 0
    assert values["conclusion"] == mirrored["conclusion"]
    assert values["conclusion"].startswith("too few sentences to judge by: 30,")


def test_a_model_beside_itself_shows_no_difference(
    models: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    compare.run([models[0], models[0]])
    out, err = capsys.readouterr()
    assert out.endswith("\n\nconclusion  no difference: they translate every sentence alike\n")
    assert "validation, 30 sentences, greedy; 30 translated alike\n" in out
    assert "most ahead" not in out
    assert err == ""


def test_tokenizers_may_differ(
    models: tuple[str, str], corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [pair["ko"] for pair in _rows(corpus, "train")]
    tokenizer = train_tokenizer(texts, TokenizerConfig(vocab_size=285, character_coverage=1.0))
    config = DataConfig(path=str(corpus), source="en", target="ko")
    save_model(build_untrained(config, tokenizer), tmp_path / "other")
    assert _json(capsys, [models[0], str(tmp_path / "other")])["num_same"] < 30


def test_output_holds_every_sentence(
    models: tuple[str, str], corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "both.tsv"
    compare.run([*models, "--num", "0", "--output", str(output)])
    assert "most ahead" not in capsys.readouterr().out
    head, *rows = (line.split("\t") for line in output.read_text(encoding="utf-8").splitlines())
    assert head == ["source", "reference", "a", "b", "chrf_a", "chrf_b"]
    expected = [[pair["en"], pair["ko"]] for pair in _rows(corpus, "validation")]
    assert [row[:2] for row in rows] == expected
    for column, model in ((2, models[0]), (3, models[1])):
        said = Translator.from_pretrained(model).translate([row[0] for row in rows])
        assert [row[column] for row in rows] == said


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    sentence = Sentence(source="s", reference="r", a="a", b="b", chrf_a=1.0, chrf_b=2.0)
    compare.write_translations(tmp_path / "out.tsv", [sentence])
    assert (tmp_path / "out.tsv").read_text().splitlines()[1] == "s\tr\ta\tb\t1.00\t2.00"
    with pytest.raises(DataError, match="^--output .*: cannot be written"):
        compare.write_translations(tmp_path, [sentence])


def test_another_corpus_is_compared_on_and_words_counted_in_the_first(
    models: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("en\tko\nA dog.\tin the owl\n", encoding="utf-8")
    values = _json(capsys, [*models, "--data", str(path)])
    assert (values["split"], values["num_sentences"]) == (str(path), 1)
    # "in" and "the" are in all 40 sentences of the training split, "owl" in none.
    rows = [(row["occurrences"], row["num_words"]) for row in values["by_frequency"]]
    assert rows == [("0", 1), ("6-50", 2)]


def test_without_the_training_text_there_is_no_table_of_words(
    models: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = DataConfig(path=str(tmp_path / "gone"), source="en", target="ko")
    for name, model in zip("ab", models, strict=True):
        save_model(replace(load_model(model), data=asdict(config)), tmp_path / name)
    path = tmp_path / "pairs.tsv"
    path.write_text("en\tko\nA dog.\tin the owl\n", encoding="utf-8")
    values = _json(capsys, [str(tmp_path / "a"), str(tmp_path / "b"), "--data", str(path)])
    assert values["by_frequency"] is None
    assert any("no table by frequency of words" in text for text in caplog.messages)


def test_a_model_that_may_have_seen_the_split_is_named(
    models: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = load_model(models[1])
    save_model(replace(trained, data={**trained.data, "held_out_rows": 5}), tmp_path / "b")
    compare.run([models[0], str(tmp_path / "b"), "--json"])
    assert capsys.readouterr().err == (
        f"{tmp_path / 'b'}: trained on another corpus than {models[0]}, or with other splits of "
        "it; it may have seen sentences of 'validation' in training\n"
    )
    path = tmp_path / "pairs.tsv"
    path.write_text("en\tko\nA dog.\tin the owl\n", encoding="utf-8")
    assert _json(capsys, [models[0], str(tmp_path / "b"), "--data", str(path)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--beam-size", "0"], "^--beam-size: expected 1 or more, got 0$"),
        (["--batch-size", "0"], "^--batch-size: expected 1 or more, got 0$"),
        (["--num", "-1"], "^--num: expected 0 or more, got -1$"),
        (["--output", "nowhere/x.tsv"], "^--output nowhere/x.tsv: no such folder$"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        compare.run(["no model", "nor this", *options])


def test_both_are_translators_of_the_same_columns(
    models: tuple[str, str], tiny_chat_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"^{tiny_chat_folder}: a model for chat; expected trans"):
        compare.run([models[0], str(tiny_chat_folder)])
    config = DataConfig(path="x", source="ko", target="en")
    other = tmp_path / "other"
    save_model(replace(load_model(models[1]), data=asdict(config)), other)
    with pytest.raises(ModelError, match=f"^{other}: translates the column ko to en; expected en"):
        compare.run([models[0], str(other)])


def test_a_split_has_to_be_there(models: tuple[str, str]) -> None:
    with pytest.raises(DataError, match="no split 'dev'; it has"):
        compare.run([*models, "--split", "dev"])


def test_comet_judges_both_where_it_is_asked_for(
    models: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged: list[list[str]] = []

    def predict(samples: Sequence[dict[str, str]], **options: object) -> SimpleNamespace:
        judged.append([sample["mt"] for sample in samples])
        return SimpleNamespace(system_score=len(judged) / 4)

    stub: Any = ModuleType("comet")
    stub.download_model = str
    stub.load_from_checkpoint = lambda path: SimpleNamespace(predict=predict)
    monkeypatch.setitem(sys.modules, "comet", stub)
    values = _json(capsys, [*models, "--comet", "owner/judge"])
    assert values["comet"] == {"model": "owner/judge", "a": 0.25, "b": 0.5}
    assert len(judged[0]) == len(judged[1]) == 30
    assert judged[0] != judged[1]


def test_comet_that_is_missing_is_told_before_anything_is_translated(
    models: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "comet", None)
    with pytest.raises(ConfigError, match="^--comet owner/judge: needs unbabel-comet"):
        compare.run([*models, "--split", "no such split", "--comet", "owner/judge"])


def test_what_both_models_translate_is_compared(
    tiny_multilingual_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = load_model(tiny_multilingual_folder)
    data = {**trained.data, "target": ["ko"]}
    save_model(replace(trained, data=data), tmp_path / "korean")
    models = [str(tiny_multilingual_folder), str(tmp_path / "korean")]
    output = tmp_path / "both.tsv"
    compare.run([*models, "--output", str(output)])
    out, err = capsys.readouterr()
    assert "4 translated alike" in out
    assert "may have seen" not in err
    rows = [line.split("\t") for line in output.read_text(encoding="utf-8").splitlines()]
    assert [row[1] for row in rows[1:]] == [f"강아지 {n}." for n in range(30, 34)]
    with pytest.raises(ConfigError, match="^--to de: expected en to ko$"):
        compare.run([*models, "--to", "de"])
    with pytest.raises(ConfigError, match="^--from, --to: expected one of en to de, en to ko$"):
        compare.run([models[0], models[0]])
