import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline import SearchSettings, Translator
from pipeline.cli import translate
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.model_folder import load_model, save_model
from pipeline.terms import Glossary, Terms
from pipeline.tokenizer import TokenizerConfig, train_tokenizer
from tests.building import build_untrained
from tests.exporting import exported

_LINES = [f"A man in a {word} shirt." for word in ("red", "green", "blue", "white", "black")]


@pytest.fixture
def translator(tiny_translator_folder: Path) -> Translator:
    return Translator.from_pretrained(tiny_translator_folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "lines.txt"
    file.write_text(_text([*_LINES, ""]), encoding="utf-8")
    return file


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("batch_size", ["1", "64"])
def test_a_file(
    tiny_translator_folder: Path,
    translator: Translator,
    file: Path,
    batch_size: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    translate.run([str(tiny_translator_folder), str(file), "--batch-size", batch_size])
    expected = translator.translate(_LINES)
    assert capsys.readouterr() == (_text([*expected, ""]), "")  # an empty line is kept


@pytest.mark.parametrize("words", [[], ["-"]])
def test_without_a_file_stdin_is_translated(
    tiny_translator_folder: Path,
    translator: Translator,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(_text(_LINES).encode())))
    translate.run([str(tiny_translator_folder), *words])
    assert capsys.readouterr().out == _text(translator.translate(_LINES))


def test_options_reach_the_translator(
    tiny_translator_folder: Path,
    translator: Translator,
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    translate.run([str(tiny_translator_folder), str(file), "--beam-size", "3"])
    expected = translator.translate(_LINES, beam_size=3)
    assert capsys.readouterr().out == _text([*expected, ""])
    assert expected != translator.translate(_LINES)


def test_terms_reach_the_translator(
    tiny_translator_folder: Path,
    translator: Translator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = ["A man in a red shirt.", "See <keep>Xyz</keep> at www.x.de at 5.", "A green dog."]
    (tmp_path / "lines.txt").write_text(_text(lines), encoding="utf-8")
    (tmp_path / "terms.tsv").write_text("red shirt\tbicycle\n", encoding="utf-8")
    translate.run(
        [
            *[str(tiny_translator_folder), str(tmp_path / "lines.txt")],
            *["--glossary", str(tmp_path / "terms.tsv"), "--protect", "marked,urls"],
        ]
    )
    terms = Terms(Glossary({"red shirt": "bicycle"}), protect=["marked", "urls"])
    out, _ = capsys.readouterr()
    assert out == _text(translator.translate(lines, terms=terms))
    first, second, _ = out.splitlines()
    assert "bicycle" in first
    assert "Xyz" in second
    assert "www.x.de" in second
    assert caplog.messages == []


def test_a_term_without_a_place_is_a_warning_that_names_the_line_and_the_term(
    tiny_translator_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.cli.lines._LINES_AT_A_TIME", 2)
    long = "station " * 100 + "grass"
    (tmp_path / "terms.tsv").write_text(f"dog\t{long}\n", encoding="utf-8")
    (tmp_path / "lines.txt").write_text(_text(["a dog", "", "Two", "the dog"]), encoding="utf-8")
    translate.run(
        [
            *[str(tiny_translator_folder), str(tmp_path / "lines.txt")],
            *["--glossary", str(tmp_path / "terms.tsv")],
        ]
    )
    assert caplog.messages == [
        f"line {number}: no place was found for '{long}'" for number in (1, 4)
    ]
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--glossary", "none.tsv"], DataError, "none.tsv: cannot be read"),
        (["--protect", "dates"], ConfigError, "protect: expected some of .*, got 'dates'"),
        (["--protect", "urls,"], ConfigError, "protect: expected some of .*, got ''"),
    ],
)
def test_mistakes_in_terms_are_told_before_the_model_is_loaded(
    tmp_path: Path, file: Path, options: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        translate.run([str(tmp_path / "no model"), str(file), *options])


def test_a_missing_file_is_told_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing.txt: no such file"):
        translate.run([str(tmp_path / "no model"), "missing.txt"])


@pytest.mark.parametrize("option", ["--beam-size", "--batch-size"])
def test_sizes_are_one_or_more(tiny_translator_folder: Path, file: Path, option: str) -> None:
    with pytest.raises(ConfigError, match="size: expected 1 or more, got 0"):
        translate.run([str(tiny_translator_folder), str(file), option, "0"])


def test_models_that_cannot_translate(tiny_chat_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected translation"):
        translate.run([str(tiny_chat_folder)])
    with pytest.raises(ModelError, match="no such model folder"):
        translate.run([str(tmp_path / "nothing")])


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (
            ["--beam-size", "3", "--length-penalty", "0.2", "--coverage-penalty", "0.5"],
            SearchSettings(beam_size=3, length_penalty=0.2, coverage_penalty=0.5),
        ),
        (["--mbr", "6"], SearchSettings(mbr=6)),
    ],
)
def test_search_options_reach_the_translator(
    tiny_translator_folder: Path,
    translator: Translator,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    settings: SearchSettings,
) -> None:
    translate.run([str(tiny_translator_folder), str(file), *words])
    expected = translator.translate(_LINES, settings=settings)
    assert capsys.readouterr().out == _text([*expected, ""])
    assert expected != translator.translate(_LINES, beam_size=settings.beam_size)


def test_an_ensemble(
    tiny_translator_folder: Path,
    other_folder: Path,
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, other = str(tiny_translator_folder), str(other_folder)
    translate.run([one, str(file), "--ensemble", other, "--ensemble", one])
    together = Translator.from_pretrained(one, ensemble=[other, one]).translate(_LINES)
    assert capsys.readouterr().out == _text([*together, ""])
    assert together != Translator.from_pretrained(one).translate(_LINES)


def test_a_reverse_model(
    tiny_translator_folder: Path,
    reverse_folder: Path,
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, reverse = str(tiny_translator_folder), str(reverse_folder)
    words = ["--beam-size", "4", "--reverse", reverse, "--reverse-weight", "9"]
    translate.run([model, str(file), *words])
    translator = Translator.from_pretrained(model, reverse=reverse)
    settings = SearchSettings(beam_size=4, reverse_weight=9)
    expected = translator.translate(_LINES, settings=settings)
    assert capsys.readouterr().out == _text([*expected, ""])
    assert expected != translator.translate(_LINES, beam_size=4)


@pytest.fixture
def reverse_folder(tiny_translator_folder: Path, tmp_path: Path) -> Path:
    trained = load_model(tiny_translator_folder)
    back = {**trained.data, "source": "ko", "target": "en"}
    save_model(replace(trained, data=back), tmp_path / "reverse")
    return tmp_path / "reverse"


@pytest.fixture
def other_folder(tiny_translator_folder: Path, tmp_path: Path) -> Path:
    """A model with the same tokenizer and other weights."""
    trained = load_model(tiny_translator_folder)
    with torch.no_grad():
        for parameter in trained.network.parameters():
            parameter.copy_(parameter.flip(0))
    save_model(trained, tmp_path / "other")
    return tmp_path / "other"


def test_n_best_is_a_table_whose_lines_are_numbered_through(
    tiny_translator_folder: Path,
    translator: Translator,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.cli.lines._LINES_AT_A_TIME", 2)  # so that there are several
    translate.run([str(tiny_translator_folder), str(file), "--beam-size", "3", "--n-best", "2"])
    found = translator.candidates([*_LINES, ""], 2, settings=SearchSettings(beam_size=3))
    out = capsys.readouterr().out
    numbers, scores, texts = zip(*(row.split("\t") for row in out.splitlines()), strict=True)
    assert numbers == tuple(str(n) for n, nbest in enumerate(found, start=1) for _ in nbest)
    assert texts == tuple(candidate.text for nbest in found for candidate in nbest)
    assert list(map(float, scores)) == pytest.approx(
        [candidate.score for nbest in found for candidate in nbest], abs=1e-4
    )
    assert (numbers[-1], texts[-1]) == ("6", "")  # an empty line is kept


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n-best", "2"], r"n_best: expected 1 to the beam_size \(1\), got 2"),
        (["--n-best", "0"], r"n_best: expected 1 to the beam_size \(1\), got 0"),
        (["--n-best", "1", "--mbr", "4"], "n_best: expected none with mbr, got 1"),
        (["--mbr", "4", "--beam-size", "3"], "mbr: expected a beam_size of 1"),
        (["--coverage-penalty", "0.2"], "coverage_penalty: expected a beam_size of 2 or more"),
        (["--reverse", "other"], "--reverse: expected a --beam-size of 2 or more with it, got 1"),
        (["--reverse-weight", "0.2", "--beam-size", "2"], "--reverse-weight: expected --reverse"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_the_model_is_loaded(
    file: Path, words: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        translate.run(["no model", str(file), *words])


def test_an_ensemble_of_other_tokenizers_is_refused(
    tiny_translator_folder: Path, tmp_path: Path, file: Path
) -> None:
    tokenizer = train_tokenizer(["Zwei Kinder spielen."], TokenizerConfig(vocab_size=274))
    save_model(build_untrained(DataConfig(path="x"), tokenizer), tmp_path / "other")
    one, other = str(tiny_translator_folder), str(tmp_path / "other")
    with pytest.raises(ModelError, match=f"^{other}: its tokenizers are not those of {one};"):
        translate.run([one, str(file), "--ensemble", other])


def test_an_n_best_list_holds_no_terms(tmp_path: Path, file: Path) -> None:
    options = ["--protect", "urls", "--beam-size", "3", "--n-best", "2"]
    with pytest.raises(ConfigError, match="^n_best: expected none with a glossary or protected"):
        translate.run([str(tmp_path / "no model"), str(file), *options])


def test_into_which_of_several_languages(
    tiny_multilingual_folder: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tiny_multilingual_folder), str(file)]
    translator = Translator.from_pretrained(tiny_multilingual_folder)
    for language in ("de", "ko"):
        translate.run([*words, "--to", language])
        expected = translator.translate([*_LINES, ""], target_language=language)
        assert capsys.readouterr().out == _text(expected)
    translate.run([*words, "--to", "ko", "--beam-size", "2", "--n-best", "1"])
    beam = translator.translate(_LINES, beam_size=2, target_language="ko")
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[2] for row in rows[: len(beam)]] == beam


@pytest.mark.parametrize(("words", "got"), [([], "none"), (["--to", "en"], "en")])
def test_a_language_is_missed_before_a_line_is_read(
    tiny_multilingual_folder: Path, words: list[str], got: str
) -> None:
    with pytest.raises(ConfigError, match=f"^--to: expected one of de, ko, got {got}$"):
        translate.run([str(tiny_multilingual_folder), "-", *words])


@pytest.mark.parametrize("words", [[], ["--precision", "bf16"]])
def test_the_precision_reaches_the_translator(
    tiny_translator_folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    asked = []
    build = Translator.from_pretrained

    def spy(*arguments: Any, precision: str, **options: Any) -> Translator:
        asked.append(precision)
        return build(*arguments, **options)

    monkeypatch.setattr(Translator, "from_pretrained", spy)
    translate.run([str(tiny_translator_folder), str(file), *words])
    assert asked == [words[1] if words else "fp32"]


@pytest.fixture(scope="module")
def exported_folder(tiny_translator_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(
        load_model(tiny_translator_folder), tmp_path_factory.mktemp("exported") / "model"
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--batch-size", "2"],
        ["--beam-size", "3", "--length-penalty", "0.2", "--coverage-penalty", "0.5"],
        ["--beam-size", "3", "--n-best", "2"],
    ],
    ids=str,
)
def test_an_exported_translator_says_what_the_model_says(
    tiny_translator_folder: Path,
    exported_folder: Path,
    file: Path,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    translate.run([str(tiny_translator_folder), str(file), *words])
    expected, _ = capsys.readouterr()
    translate.run([str(exported_folder), str(file), *words])
    out, _ = capsys.readouterr()
    if "--n-best" in words:  # the last digit of a score is not the same
        assert _without_scores(out) == _without_scores(expected)
    else:
        assert out == expected


def _without_scores(text: str) -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in text.splitlines()]
    return [(number, translation) for number, _, translation in rows]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--glossary", "terms.tsv"], "--glossary"),
        (["--protect", "urls"], "--protect"),
        (["--mbr", "6"], "--mbr"),
        (["--ensemble", "other"], "--ensemble"),
        (["--reverse", "other", "--beam-size", "2"], "--reverse"),
        (["--precision", "bf16"], "--precision"),
    ],
)
def test_what_an_exported_translator_lacks_is_refused(
    exported_folder: Path, file: Path, words: list[str], option: str
) -> None:
    message = f"{exported_folder}: an exported translator; expected no {option} with it"
    with pytest.raises(ConfigError, match=f"^{message}$"):
        translate.run([str(exported_folder), str(file), *words])
