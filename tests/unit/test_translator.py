import logging
from pathlib import Path

import pytest

import pipeline.translator
from pipeline import Translator
from pipeline.errors import ConfigError, ModelError

LINES = [
    "The little dog runs over the green grass.",
    "",
    "A man in a red shirt.",
    "안녕하세요, 만나서 반갑습니다.",
    " \t\x00 ",
    "Two",
    "Where is the next railway station, please?",
    "A man in a red shirt.",
]
beam_sizes = pytest.mark.parametrize("beam_size", [1, 3])


@pytest.fixture(scope="module")
def translator(tiny_translator_folder: Path) -> Translator:
    return Translator.from_pretrained(tiny_translator_folder)


@beam_sizes
def test_one_line_in_one_line_out_in_order(translator: Translator, beam_size: int) -> None:
    together = translator.translate(LINES, beam_size=beam_size)
    assert together == [translator(line, beam_size=beam_size) for line in LINES]
    assert len(set(together)) == len(set(LINES)) - 1  # both empty lines are one


def test_lines_without_text_stay_empty(translator: Translator) -> None:
    translations = translator.translate(LINES)
    assert [bool(line) for line in translations] == [line.strip("\t\x00 ") != "" for line in LINES]
    assert translator("") == ""


def test_no_lines_are_no_translations(translator: Translator) -> None:
    assert translator.translate([]) == []


@beam_sizes
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_batch_size_does_not_change_the_text(
    translator: Translator, batch_size: int, beam_size: int
) -> None:
    translations = translator.translate(LINES, batch_size=batch_size, beam_size=beam_size)
    assert translations == translator.translate(LINES, batch_size=5, beam_size=beam_size)


@pytest.mark.parametrize(
    "variant",
    [
        "  A man  in a red shirt.\r\n",
        "\ufeffA man in a red shirt.",
        "A man\u2028in a\x00red shirt.",
        "A\tman in a red shirt. ",
    ],
)
def test_the_input_is_normalised(translator: Translator, variant: str) -> None:
    assert translator(variant) == translator("A man in a red shirt.")


def test_composed_and_decomposed_letters_are_the_same(translator: Translator) -> None:
    assert translator("\u1112\u1161\u11ab 한") == translator("한 한")


def test_a_translation_is_one_clean_line(translator: Translator) -> None:
    for translation in translator.translate(LINES):
        assert translation == translation.strip()
        assert len(translation.splitlines()) <= 1


def test_a_long_source_is_cut_with_a_warning_that_names_its_line(
    translator: Translator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pipeline.translator.MAX_SOURCE_TOKENS == 512
    monkeypatch.setattr(pipeline.translator, "MAX_SOURCE_TOKENS", 12)  # or it would take long
    with caplog.at_level(logging.WARNING):
        expected = translator("7" * 11)  # a piece each, and one of the leading space
        assert caplog.messages == []
        translations = translator.translate(["", "Two", "7" * 1200])
    (message,) = caplog.messages
    assert message.startswith("only the first 12 of 1,201 pieces are translated of the line '777")
    assert translations == ["", translator("Two"), expected]


@pytest.mark.parametrize("name", ["batch_size", "beam_size"])
def test_a_size_below_one_is_an_error_that_names_it(translator: Translator, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: expected 1 or more, got 0$"):
        translator.translate(["a"], **{name: 0})


def test_a_chatbot_is_no_translator(tiny_chat_folder: Path) -> None:
    with pytest.raises(ModelError, match="tiny-chat: a model for chat; expected translation"):
        Translator.from_pretrained(tiny_chat_folder)
