from pathlib import Path
from typing import Any

import pytest

import pipeline.term_search
import pipeline.translator
from pipeline import SearchSettings, Translator
from pipeline.decoding import Constrained, grid_beam_search
from pipeline.errors import ConfigError
from pipeline.model_folder import load_model
from pipeline.terms import Glossary, Terms
from pipeline.terms.placeholders import CITIES
from pipeline.terms.protection import KINDS

TERMS = Terms(Glossary({"dog": "bicycle", "red shirt": "강아지"}), protect=KINDS)
WITH_TERMS = [
    "The little dog runs over the green grass.",
    "",
    "A dog and a dog: www.example.com/a?b=c",
    "Write to <keep>Mr. Xyz-9</keep> or info@zoo.de, 1,000.50 at 3:30!",
    "A man in a red shirt.",
    "강아지가 https://x.de/달에서 7시",
    "Where is the next railway station, please?",
]
WITHOUT_TERMS = [
    "Two",
    "",
    "A man in a shirt.",
    "안녕하세요, 만나서 반갑습니다.",
    "Where is the next railway station, please?",
]
beam_sizes = pytest.mark.parametrize("beam_size", [1, 3])


@pytest.fixture(scope="module")
def translator(tiny_translator_folder: Path) -> Translator:
    return Translator.from_pretrained(tiny_translator_folder)


@pytest.fixture(scope="module")
def multilingual(tiny_multilingual_folder: Path) -> Translator:
    return Translator.from_pretrained(tiny_multilingual_folder)


@beam_sizes
@pytest.mark.parametrize("batch_size", [1, 64])
def test_translations_hold_their_terms(
    translator: Translator, batch_size: int, beam_size: int
) -> None:
    translations = translator.translate(
        WITH_TERMS, terms=TERMS, batch_size=batch_size, beam_size=beam_size
    )
    missing = [
        TERMS.missing(line, translation)
        for line, translation in zip(WITH_TERMS, translations, strict=True)
    ]
    assert missing == [[]] * len(WITH_TERMS)
    one_by_one = [
        translator.translate([line], terms=TERMS, beam_size=beam_size)[0] for line in WITH_TERMS
    ]
    assert translations == one_by_one
    for city in CITIES:
        assert not any(city in translation for translation in translations)


@pytest.mark.parametrize(("beam_size", "expected"), [(1, 4), (6, 6)])
def test_terms_are_placed_by_a_beam(
    translator: Translator, beam_size: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def search(*arguments: Any, **options: Any) -> list[Constrained]:
        given.append((options["beam_size"], options["length_penalty"]))
        return grid_beam_search(*arguments, **options)

    monkeypatch.setattr(pipeline.term_search, "grid_beam_search", search)
    translator.translate(["Two dogs and a dog"], terms=TERMS, beam_size=beam_size)
    settings = SearchSettings(beam_size=7, length_penalty=0.5)
    translator.translate(["Two dogs and a dog"], terms=TERMS, settings=settings)
    assert given == [(expected, 1.0), (7, 0.5)]


@beam_sizes
def test_lines_without_terms_are_translated_as_ever(translator: Translator, beam_size: int) -> None:
    assert not any(TERMS.read(line).terms for line in WITHOUT_TERMS)
    freely = translator.translate(WITHOUT_TERMS, beam_size=beam_size)
    assert translator.translate(WITHOUT_TERMS, terms=TERMS, beam_size=beam_size) == freely
    plain = translator.translate(WITH_TERMS, beam_size=beam_size)
    assert translator.translate(WITH_TERMS, terms=Terms(), beam_size=beam_size) == plain


def test_terms_that_cannot_be_placed_leave_a_translation(translator: Translator) -> None:
    terms = Terms(Glossary({"dog": "station " * 200, "man": "bicycle"}))
    line = "A man, a dog."
    (translation,) = translator.translate([line], terms=terms)
    assert terms.missing(line, translation) == [("station " * 200).strip()]
    assert "bicycle" in translation


def test_terms_beyond_what_is_read_of_a_long_line(
    translator: Translator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pipeline.translator, "MAX_SOURCE_TOKENS", 4)
    line = "Two children are playing: dog"
    (translation,) = translator.translate([line], terms=TERMS)
    assert TERMS.missing(line, translation) == []
    assert len(caplog.messages) == 1  # though it is translated twice


@pytest.mark.parametrize("name", ["batch_size", "beam_size"])
def test_sizes_are_checked_with_terms_too(translator: Translator, name: str) -> None:
    sizes: dict[str, Any] = {name: 0}
    with pytest.raises(ConfigError, match=f"^{name}: expected 1 or more, got 0$"):
        translator.translate(["dog"], terms=TERMS, **sizes)


def test_a_term_is_looked_for_behind_the_tag(
    multilingual: Translator,
    tiny_multilingual_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[str] = []
    tokenizer = load_model(tiny_multilingual_folder).source_tokenizer

    def search(
        model: Any, source_ids: Any, lengths: Any, constraints: Any, **options: Any
    ) -> list[Constrained]:
        for ids, (term,) in zip(source_ids.tolist(), constraints, strict=True):
            found.append(tokenizer.decode([ids[place] for place in term.places]))
        return grid_beam_search(model, source_ids, lengths, constraints, **options)

    monkeypatch.setattr(pipeline.term_search, "grid_beam_search", search)
    terms = Terms(Glossary({"dog": "bicycle"}))
    multilingual.translate(["The little dog runs.", "A dog"], terms=terms, target_language="ko")
    assert found == ["dog", "dog"]
