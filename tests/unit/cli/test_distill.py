import json
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import torch

from pipeline import Translator
from pipeline.cli import distill
from pipeline.decoding import SearchSettings
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.model_folder import load_model, save_model


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def teacher(tiny_translator_folder: Path, tmp_path: Path) -> Path:
    """A model whose corpus is at hand."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for split, num_rows in (("train", 6), ("validation", 2)):
        rows = [{"en": f"Bicycle {n}", "ko": f"강아지 {n}"} for n in range(num_rows)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (corpus / f"{split}.jsonl").write_text(text, encoding="utf-8")
    trained = load_model(tiny_translator_folder)
    data = {**trained.data, "path": str(corpus), "source": "en", "target": "ko", "tokenizer": {}}
    save_model(replace(trained, data=data), tmp_path / "teacher")
    return tmp_path / "teacher"


def test_the_corpus_holds_what_the_ensemble_says(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = load_model(teacher)
    with torch.no_grad():
        second.model.decoder.W_c.weight.neg_()
    save_model(second, tmp_path / "second")
    output = tmp_path / "distilled"
    folders = [str(teacher), str(tmp_path / "second")]
    distill.run([*folders, "--output", str(output), "--beam-size", "2"])
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    sources = [row["en"] for row in rows]
    ensemble = Translator.from_pretrained(teacher, ensemble=folders[1:])
    expected = ensemble.translate(sources, settings=SearchSettings(beam_size=2))
    assert [row["ko"] for row in rows] == expected
    assert Translator.from_pretrained(teacher).translate(sources, beam_size=2) != expected
    out, _ = capsys.readouterr()
    assert "6 training pairs" in out
    assert f"seq2seq train --name student --data.path {output}" in out
    assert (output / "validation.jsonl").is_file()


def test_a_chatbot_teaches_no_translator(tiny_chat_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a model for chat; expected translation"):
        distill.run([str(tiny_chat_folder), "--output", str(tmp_path / "distilled")])


def test_a_chatbot_judges_no_translator(
    teacher: Path, tiny_chat_folder: Path, tmp_path: Path
) -> None:
    words = [str(teacher), "--reverse", str(tiny_chat_folder), "--output", str(tmp_path / "d")]
    with pytest.raises(ModelError, match="a model for chat; expected translation"):
        distill.run(words)
    assert not (tmp_path / "d").exists()
    assert not (tmp_path / "distilled").exists()


def test_the_beam_has_to_be_one(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected 1 or more, got 0"):
        distill.run([str(teacher), "--output", str(tmp_path / "distilled"), "--beam-size", "0"])
    assert not (tmp_path / "distilled").exists()


def test_a_teacher_of_several_languages_teaches_one(
    tiny_multilingual_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tiny_multilingual_folder), "--beam-size", "2", "--output"]
    with pytest.raises(ConfigError, match="^--from, --to: expected one of en to de, en to ko$"):
        distill.run([*words, str(tmp_path / "none")])
    output = tmp_path / "korean"
    distill.run([*words, str(output), "--to", "ko"])
    assert "--data.source en --data.target ko" in capsys.readouterr().out
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    teacher = Translator.from_pretrained(tiny_multilingual_folder)
    sources = [f"Bicycle {n}." for n in range(20) if n != 2]
    expected = teacher.translate(sources, beam_size=2, target_language="ko")
    assert rows == [{"en": en, "ko": ko} for en, ko in zip(sources, expected, strict=True)]
    rows = [json.loads(line) for line in (output / "test.jsonl").read_text("utf-8").splitlines()]
    assert rows == [{"en": f"Bicycle {n}.", "ko": f"강아지 {n}."} for n in (0, 1, 3)]
    with pytest.raises(ConfigError, match="its direction is en to ko, not en to de$"):
        distill.run([*words, str(output), "--to", "de"])


def test_the_closest_of_the_beam_is_written(teacher: Path, tmp_path: Path) -> None:
    sources = [f"Bicycle {n}" for n in range(6)]
    beams = Translator.from_pretrained(teacher).candidates(
        sources, 4, settings=SearchSettings(beam_size=4)
    )
    references = [beam[-1].text for beam in beams]
    rows = [{"en": en, "ko": ko} for en, ko in zip(sources, references, strict=True)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "corpus" / "train.jsonl").write_text(text, encoding="utf-8")
    output = tmp_path / "distilled"
    words = [str(teacher), "--output", str(output), "--beam-size", "4"]
    distill.run([*words, "--closest"])
    written = (output / "train.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["ko"] for line in written] == references
    assert references != [beam[0].text for beam in beams]
    with pytest.raises(ConfigError, match="its closest is True, not False"):
        distill.run(words)


def test_length_is_forgiven_as_asked(teacher: Path, tmp_path: Path) -> None:
    output = tmp_path / "distilled"
    words = [str(teacher), "--output", str(output), "--beam-size", "4"]
    distill.run([*words, "--length-penalty", "0"])
    written = (output / "train.jsonl").read_text("utf-8").splitlines()
    sources = [f"Bicycle {n}" for n in range(6)]
    translator = Translator.from_pretrained(teacher)
    settings = SearchSettings(beam_size=4, length_penalty=0.0)
    expected = translator.translate(sources, settings=settings)
    assert [json.loads(line)["ko"] for line in written] == expected
    assert expected != translator.translate(sources, beam_size=4)
    with pytest.raises(ConfigError, match=r"its length_penalty is 0\.0, not 1\.0"):
        distill.run(words)


def test_another_corpus_than_the_teachers_own(teacher: Path, tmp_path: Path) -> None:
    corpus, output = tmp_path / "other", tmp_path / "distilled"
    corpus.mkdir()
    for split in ("train", "validation"):
        line = json.dumps({"en": f"A bicycle to {split}", "ko": f"{split} 강아지"})
        (corpus / f"{split}.jsonl").write_text(line + "\n", encoding="utf-8")
    words = [str(teacher), "--output", str(output), "--beam-size", "1", "--with-references"]
    distill.run([*words, "--data", str(corpus)])
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    assert [row["en"] for row in rows] == ["A bicycle to train"] * 2
    assert rows[1]["ko"] == "train 강아지"
    assert (output / "validation.jsonl").read_text("utf-8").count("to validation") == 1
    with pytest.raises(ConfigError, match=r"its corpus is .*other, not .*corpus"):
        distill.run(words)


def test_a_corpus_that_is_not_there_leaves_no_folder(teacher: Path, tmp_path: Path) -> None:
    words = [str(teacher), "--output", str(tmp_path / "distilled"), "--data"]
    with pytest.raises(DataError, match="nowhere"):
        distill.run([*words, str(tmp_path / "nowhere.jsonl")])
    assert not (tmp_path / "distilled").exists()


def test_each_teacher_writes_by_itself(teacher: Path, tmp_path: Path) -> None:
    second = load_model(teacher)
    with torch.no_grad():
        second.model.decoder.W_c.weight.neg_()
    save_model(second, tmp_path / "second")
    output = tmp_path / "distilled"
    folders = [teacher, tmp_path / "second"]
    distill.run([*map(str, folders), "--each", "--output", str(output), "--beam-size", "1"])
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    sources = [f"Bicycle {n}" for n in range(6)]
    expected = [Translator.from_pretrained(folder).translate(sources) for folder in folders]
    assert [row["ko"] for row in rows] == [*expected[0], *expected[1]]
    assert [row["en"] for row in rows] == sources * 2


def test_models_of_the_other_direction_write_sources(teacher: Path, tmp_path: Path) -> None:
    trained = load_model(teacher)
    back = tmp_path / "back"
    save_model(replace(trained, data={**trained.data, "source": "ko", "target": "en"}), back)
    output = tmp_path / "distilled"
    distill.run([str(teacher), "--back", str(back), "--output", str(output), "--beam-size", "1"])
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    targets = [f"강아지 {n}" for n in range(6)]
    assert [row["ko"] for row in rows[6:]] == targets
    assert [row["en"] for row in rows[6:]] == Translator.from_pretrained(back).translate(targets)


def test_a_model_of_the_other_direction_has_a_say(teacher: Path, tmp_path: Path) -> None:
    trained = load_model(teacher)
    back = tmp_path / "back"
    save_model(replace(trained, data={**trained.data, "source": "ko", "target": "en"}), back)
    output = tmp_path / "distilled"
    words = [str(teacher), "--reverse", str(back), "--reverse-weight", "5", "--beam-size", "4"]
    distill.run([*words, "--back", str(back), "--output", str(output)])
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    settings = SearchSettings(beam_size=4, reverse_weight=5)
    translator = Translator.from_pretrained(teacher, reverse=back)
    found = translator.translate([row["en"] for row in rows[:6]], settings=settings)
    assert [row["ko"] for row in rows[:6]] == found
    assert found != translator.translate([row["en"] for row in rows[:6]], beam_size=4)
    description = json.loads((output / "distillation.json").read_text("utf-8"))
    assert (description["reverse"], description["reverse_weight"]) == (str(back), 5)


@pytest.mark.parametrize("option", ["--back", "--reverse"])
def test_a_model_of_the_same_direction_does_not_translate_back(
    teacher: Path, tmp_path: Path, option: str
) -> None:
    with pytest.raises(ConfigError, match=f"{option}: .* translates en to ko; expected ko to en"):
        distill.run([str(teacher), option, str(teacher), "--output", str(tmp_path / "d")])
    assert not (tmp_path / "d").exists()


def test_a_model_of_both_ways_teaches_both_sides(
    tiny_multilingual_folder: Path, tmp_path: Path
) -> None:
    trained = load_model(tiny_multilingual_folder)
    data = {**trained.data, "source": ["de", "ko"], "target": ["de", "ko"]}
    both = tmp_path / "both"
    save_model(replace(trained, data=data), both)
    words = [str(both), "--beam-size", "1", "--from", "de", "--to", "ko"]
    output = tmp_path / "distilled"
    distill.run([*words, "--back", str(both), "--output", str(output)])
    rows = [json.loads(line) for line in (output / "train.jsonl").read_text("utf-8").splitlines()]
    numbers = [n for n in range(20) if n != 2]
    german, korean = ([f"{word} {n}." for n in numbers] for word in ("Hund", "강아지"))
    translator = Translator.from_pretrained(both)
    assert rows == [
        {"de": de, "ko": ko}
        for de, ko in (
            *zip(german, translator.translate(german, target_language="ko"), strict=True),
            *zip(translator.translate(korean, target_language="de"), korean, strict=True),
        )
    ]
    words[1:1] = [str(tiny_multilingual_folder), "--each", "--output", str(tmp_path / "other")]
    with pytest.raises(
        ConfigError, match="^teacher: .* translates en to de, en to ko; expected de"
    ):
        distill.run(words)
