import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline import OnnxTranslator, SearchSettings, Translator
from pipeline.errors import ConfigError, ModelError
from pipeline.model_folder import load_model
from pipeline.nn.config import CellName
from pipeline.tokenizer import UNK_ID, Tokenizer, TokenizerConfig, train_tokenizer
from tests.building import PREPARABLE
from tests.exporting import LINES, exported, tiny_translator


@pytest.fixture(scope="module")
def pair(
    tiny_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Translator, OnnxTranslator]:
    trained = tiny_translator(tiny_tokenizer, lexical=True)
    folder = exported(trained, tmp_path_factory.mktemp("exported") / "model")
    return Translator(trained), OnnxTranslator.from_pretrained(folder)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("values", PREPARABLE, ids=str)
def test_it_gives_the_text_of_the_translator(
    tiny_tokenizer: Tokenizer, tmp_path: Path, cell: CellName, values: dict[str, Any]
) -> None:
    trained = tiny_translator(tiny_tokenizer, cell=cell, **values)
    translator = Translator(trained)
    onnx = OnnxTranslator.from_pretrained(exported(trained, tmp_path / "model"))
    for beam_size in (1, 3):
        expected = translator.translate(LINES, beam_size=beam_size)
        assert onnx.translate(LINES, beam_size=beam_size) == expected
        assert len(set(expected)) > 2
        alone = [onnx(line, beam_size=beam_size) for line in LINES]
        assert alone == expected


@pytest.mark.parametrize("beam_size", [1, 3])
def test_neither_order_nor_company_changes_a_text(
    pair: tuple[Translator, OnnxTranslator], beam_size: int
) -> None:
    translator, onnx = pair
    words = " ".join(LINES).split()
    draw = random.Random(4)
    lines = [" ".join(draw.choices(words, k=draw.randrange(12))) for _ in range(40)]
    expected = dict(zip(lines, translator.translate(lines, beam_size=beam_size), strict=True))
    assert len(set(expected.values())) > 20
    assert len({len(text) for text in expected.values()}) > 8  # so that rows leave at other times
    for batch_size in (1, 7, 64):
        draw.shuffle(lines)
        found = onnx.translate(lines, batch_size=batch_size, beam_size=beam_size)
        assert found == [expected[line] for line in lines]


@pytest.mark.parametrize("num_workers", [1, 3, None])
def test_batches_side_by_side_come_in_their_order(
    pair: tuple[Translator, OnnxTranslator], num_workers: int | None
) -> None:
    translator, onnx = pair
    side_by_side = OnnxTranslator(onnx._folder, num_workers=num_workers)
    lines = [" ".join(LINES[:n]) for n in range(len(LINES))] * 5
    for beam_size in (1, 3):
        found = side_by_side.translate(lines, batch_size=2, beam_size=beam_size)
        assert found == translator.translate(lines, beam_size=beam_size)


def test_there_is_one_worker_at_least(pair: tuple[Translator, OnnxTranslator]) -> None:
    with pytest.raises(ConfigError, match="num_workers: expected 1 or more, or none, got 0"):
        OnnxTranslator(pair[1]._folder, num_workers=0)


def test_a_translation_that_does_not_end_is_as_long_as_it_may_be(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    trained = tiny_translator(tiny_tokenizer)
    with torch.no_grad():
        trained.model.output_bias[3] = -50.0
    onnx = OnnxTranslator.from_pretrained(exported(trained, tmp_path / "model"))
    for beam_size in (1, 3):
        expected = Translator(trained).translate(LINES, beam_size=beam_size)
        assert onnx.translate(LINES, beam_size=beam_size) == expected


@pytest.mark.parametrize(
    "settings",
    [
        SearchSettings(beam_size=3, length_penalty=0.2),
        SearchSettings(beam_size=4, coverage_penalty=0.6),
        SearchSettings(beam_size=400),  # more than there are pieces
    ],
)
def test_candidates_and_settings_are_those_of_the_translator(
    pair: tuple[Translator, OnnxTranslator], settings: SearchSettings
) -> None:
    translator, onnx = pair
    lines = LINES if settings.beam_size < 100 else LINES[-1:]
    assert onnx.translate(lines, settings=settings) == translator.translate(
        lines, settings=settings
    )
    expected = translator.candidates(lines, 3, settings=settings)
    found = onnx.candidates(lines, 3, settings=settings)
    assert [[each.text for each in row] for row in found] == [
        [each.text for each in row] for row in expected
    ]
    scores = [each.score for row in found for each in row]
    assert scores == pytest.approx([each.score for row in expected for each in row], rel=1e-4)


def test_a_coverage_penalty_needs_attention(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    trained = tiny_translator(tiny_tokenizer, attention="none")
    onnx = OnnxTranslator.from_pretrained(exported(trained, tmp_path / "model"))
    with pytest.raises(ConfigError, match="coverage_penalty: expected a model with attention"):
        onnx("Two", settings=SearchSettings(beam_size=2, coverage_penalty=0.1))


def test_what_cannot_be_spelt_is_copied_as_the_translator_copies_it(tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=23, byte_fallback=False, character_coverage=1.0)
    tokenizer = train_tokenizer(["a dog runs over the green grass", "two men"], config)
    trained = tiny_translator(tokenizer, attention="dot")
    with torch.no_grad():
        trained.model.output_bias[UNK_ID] = 12.0
    onnx = OnnxTranslator.from_pretrained(exported(trained, tmp_path / "model"))
    lines = ["two Łóżź dogs and Źź", "a Xy runs", "grass"]
    for beam_size in (1, 3):
        expected = Translator(trained).translate(lines, beam_size=beam_size)
        assert onnx.translate(lines, beam_size=beam_size) == expected
        assert "Łóżź" in expected[0] or "Źź" in expected[0]


def test_separate_vocabularies(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    other = train_tokenizer(
        ["Ein kleiner Hund läuft über das grüne Gras."], TokenizerConfig(vocab_size=285)
    )
    trained = tiny_translator(tiny_tokenizer, other)
    onnx = OnnxTranslator.from_pretrained(exported(trained, tmp_path / "model"))
    assert onnx.translate(LINES) == Translator(trained).translate(LINES)


def test_a_long_source_is_cut_with_a_warning(
    pair: tuple[Translator, OnnxTranslator], caplog: pytest.LogCaptureFixture
) -> None:
    translator, onnx = pair
    line = "water " * 600
    assert onnx(line) == translator(line)
    first, second = caplog.messages
    assert first == second
    assert first.startswith("only the first 512 of ")


def test_the_target_language_is_asked_for_as_it_is_there(
    tiny_multilingual_folder: Path, tmp_path: Path
) -> None:
    trained = load_model(tiny_multilingual_folder)
    onnx = OnnxTranslator.from_pretrained(exported(trained, tmp_path / "model"))
    translator = Translator(trained)
    assert onnx.directions == translator.directions
    for language in ("de", "ko"):
        expected = translator.translate(LINES, target_language=language)
        assert onnx.translate(LINES, target_language=language) == expected
    message = "^tiny-translation: target_language: expected one of de, ko, got none$"
    with pytest.raises(ConfigError, match=message):
        onnx.translate([])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected 1 or more, got 0"),
        ({"beam_size": 0}, "beam_size: expected 1 or more, got 0"),
        ({"settings": SearchSettings(mbr=4)}, "mbr: expected 0, since an exported .* got 4"),
        (
            {"settings": SearchSettings(beam_size=2, reverse_weight=0.3)},
            "reverse_weight: expected 0, since an exported .* got 0.3",
        ),
        ({"beam_size": 2, "settings": SearchSettings()}, "beam_size: expected it in the settings"),
        ({"target_language": "de"}, "tiny: target_language: expected ko, got de"),
    ],
)
def test_what_cannot_be_asked_for(
    pair: tuple[Translator, OnnxTranslator], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        pair[1].translate(["Two"], **options)
    with pytest.raises(ConfigError, match="^n_best: expected 1 to the beam_size"):
        pair[1].candidates(["Two"], 2, settings=SearchSettings())


def test_a_model_folder_is_not_an_exported_one(tiny_translator_folder: Path) -> None:
    with pytest.raises(ModelError, match="expected a folder that seq2seq export wrote"):
        OnnxTranslator.from_pretrained(tiny_translator_folder)


def test_an_exported_folder_is_not_a_model_folder(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    folder = exported(tiny_translator(tiny_tokenizer), tmp_path / "model")
    with pytest.raises(ModelError, match="expected a model folder, found one that was exported"):
        Translator.from_pretrained(folder)


def test_a_single_thread_or_several_give_the_same_text(
    pair: tuple[Translator, OnnxTranslator], tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    folder = exported(tiny_translator(tiny_tokenizer, lexical=True), tmp_path / "model")
    found = OnnxTranslator.from_pretrained(folder, num_threads=2).translate(LINES)
    assert found == pair[1].translate(LINES)


def test_it_imports_no_torch(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    folder = exported(tiny_translator(tiny_tokenizer), tmp_path / "model")
    code = (
        "import sys\n"
        "from pipeline.cli.main import main\n"
        f"code = main(['translate', {str(folder)!r}, '--beam-size', '2', '--n-best', '1'])\n"
        "heavy = {'torch', 'lightning', 'datasets', 'jsonargparse', 'safetensors', 'onnx'}\n"
        "print(code, *sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input="Two\n", capture_output=True, text=True, timeout=60
    )
    assert run.stdout.splitlines()[1:] == ["0"], run.stderr
