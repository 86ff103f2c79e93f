import logging
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

import pipeline.nn.prepared
import pipeline.translator
from pipeline import SearchSettings, Translator
from pipeline.batch import collate_sources
from pipeline.decoding import (
    LengthLimit,
    Sampler,
    beam_search,
    greedy_search,
)
from pipeline.errors import ConfigError, ModelError
from pipeline.mbr import mean_chrf
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.config import AttentionName, ModelConfig
from pipeline.nn.prepared import PreparedSeq2Seq
from pipeline.precision import Precision, choose_precision
from pipeline.terms import Terms
from pipeline.text import normalize
from pipeline.tokenizer import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    UNK_ID,
    TokenizerConfig,
    train_tokenizer,
)
from pipeline.translator import MBR_EPSILON
from tests.building import build_model

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
    sizes: dict[str, Any] = {name: 0}
    with pytest.raises(ConfigError, match=f"^{name}: expected 1 or more, got 0$"):
        translator.translate(["a"], **sizes)


def test_a_chatbot_is_no_translator(tiny_chat_folder: Path) -> None:
    with pytest.raises(ModelError, match="tiny-chat: a model for chat; expected translation"):
        Translator.from_pretrained(tiny_chat_folder)


def test_settings_reach_the_search(tiny_translator_folder: Path, translator: Translator) -> None:
    trained = load_model(tiny_translator_folder)
    settings = SearchSettings(beam_size=3, length_penalty=0.2, coverage_penalty=0.4)
    (nbest,) = beam_search(
        trained.model,
        *collate_sources([trained.source_tokenizer.encode(LINES[0])]),
        beam_size=3,
        length_penalty=0.2,
        coverage_penalty=0.4,
        limit=LengthLimit(),
    )
    expected = normalize(trained.target_tokenizer.decode(nbest[0].ids))
    assert translator(LINES[0], settings=settings) == expected
    found = translator.translate(LINES, settings=settings)
    assert found != translator.translate(LINES, beam_size=3)
    assert found == [translator(line, settings=settings) for line in LINES]


def test_settings_and_a_beam_size_are_too_many(translator: Translator) -> None:
    with pytest.raises(ConfigError, match="^beam_size: expected it in the settings"):
        translator.translate(["a"], beam_size=2, settings=SearchSettings(beam_size=3))


def test_the_candidates_are_sorted_and_the_first_is_the_translation(
    translator: Translator,
) -> None:
    settings = SearchSettings(beam_size=4)
    found = translator.candidates(LINES, 3, settings=settings)
    assert [nbest[0].text for nbest in found] == translator.translate(LINES, settings=settings)
    for line, nbest in zip(LINES, found, strict=True):
        scores = [candidate.score for candidate in nbest]
        assert scores == sorted(scores, reverse=True)
        assert len({candidate.text for candidate in nbest}) == len(nbest) <= 3
        (alone,) = translator.candidates([line], 3, settings=settings)
        assert [candidate.text for candidate in alone] == [candidate.text for candidate in nbest]
    assert found[1] == [("", 0.0)]
    assert max(len(nbest) for nbest in found) == 3


def test_candidates_of_a_greedy_search_are_its_translations(translator: Translator) -> None:
    found = translator.candidates(LINES, 1, settings=SearchSettings())
    assert [nbest[0].text for nbest in found] == translator.translate(LINES)


def test_more_candidates_than_the_beam_is_wide_are_refused(translator: Translator) -> None:
    with pytest.raises(ConfigError, match=r"^n_best: expected 1 to the beam_size \(2\), got 3$"):
        translator.candidates(["a"], 3, settings=SearchSettings(beam_size=2))


def test_an_ensemble_of_a_model_with_itself_is_the_model(
    translator: Translator, tiny_translator_folder: Path
) -> None:
    twice = Translator.from_pretrained(tiny_translator_folder, ensemble=[tiny_translator_folder])
    assert twice.translate(LINES) == translator.translate(LINES)
    settings = SearchSettings(beam_size=3, coverage_penalty=0.2)
    assert twice.translate(LINES, settings=settings) == translator.translate(
        LINES, settings=settings
    )


def test_a_chatbot_does_not_join_an_ensemble(
    tiny_translator_folder: Path, tiny_chat_folder: Path
) -> None:
    with pytest.raises(ModelError, match="tiny-chat: a model for chat; expected translation"):
        Translator.from_pretrained(tiny_translator_folder, ensemble=[tiny_chat_folder])


def _drawn(trained: TrainedModel, line: str, num_samples: int) -> list[str]:
    """As the translator draws them: a row each, from a generator of the line's own."""
    ids, lengths = collate_sources([trained.source_tokenizer.encode(line)])
    generator = torch.Generator().manual_seed(zlib.crc32(line.encode()))
    found = greedy_search(
        trained.model,
        ids.repeat(num_samples, 1),
        lengths.repeat(num_samples),
        limit=LengthLimit(),
        choose=Sampler(epsilon=MBR_EPSILON, generator=generator),
    )
    return [normalize(trained.target_tokenizer.decode(hypothesis.ids)) for hypothesis in found]


def test_minimum_bayes_risk_takes_the_candidate_most_like_the_others(
    translator: Translator, tiny_translator_folder: Path
) -> None:
    trained = load_model(tiny_translator_folder)
    settings = SearchSettings(mbr=8)
    for line in (LINES[0], LINES[2], LINES[5]):
        drawn = _drawn(trained, line, 8)
        assert len(set(drawn)) > 2
        assert translator(line, settings=settings) == drawn[int(mean_chrf(drawn).argmax())]


def test_what_is_drawn_for_a_line_does_not_depend_on_the_others(translator: Translator) -> None:
    settings = SearchSettings(mbr=6)
    torch.manual_seed(1)
    together = translator.translate(LINES, settings=settings)
    torch.manual_seed(2)
    assert together == [translator(line, settings=settings) for line in LINES]
    assert together[1] == ""


def _unknowing(
    attention: AttentionName, *, byte_fallback: bool = False, languages: Sequence[str] = ()
) -> TrainedModel:
    """A translator that would say UNK often, if it may."""
    texts = ["the little dog runs.", "a big dog!", "where is the dog?"]
    config = TokenizerConfig(
        vocab_size=(282 if byte_fallback else 26) + len(languages),
        byte_fallback=byte_fallback,
        character_coverage=1.0,
    )
    tokenizer = train_tokenizer(texts, config, languages=languages)
    torch.manual_seed(0)
    sizes = ModelConfig(hidden_size=8, embedding_dim=8, num_layers=1, attention=attention)
    model = build_model(sizes, tokenizer, tokenizer).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
        model.output_bias[UNK_ID] = 4.5
        model.output_bias[EOS_ID] = 3.75
    return TrainedModel(network=model, tokenizers=(tokenizer,))


UNKNOWN_LINES = ["Łóżź", "ŁĄ ŹŻ Ć", "Ść ☃☃ ßß Ψ", "λόγος Ж"]  # all but the spaces is unknown


@torch.inference_mode()
def _copied_by_hand(trained: TrainedModel, line: str) -> str:
    """Greedy, step by step; among the words of the source, all of them unknown."""
    segments = trained.source_tokenizer.segment(line)
    words = [place for place, segment in enumerate(segments) if segment != "▁"]
    tags = trained.tag_ids()
    source = collate_sources([tags + trained.source_tokenizer.encode(line)])
    state, token, said = trained.model.encode(*source), BOS_ID, []
    for _ in range(int(LengthLimit().of(source[1]))):
        logits, state = trained.model.step(torch.tensor([token]), state)
        logits[:, [PAD_ID, BOS_ID]] = -math.inf
        token = int(logits.argmax())
        if token == EOS_ID:
            break
        assert state.attention_weights is not None
        weights = state.attention_weights[0].tolist()[len(tags) :]
        word = segments[max(words, key=weights.__getitem__)]
        said.append(word if token == UNK_ID else trained.target_tokenizer.pieces([token])[0])
    return normalize("".join(said).replace("▁", " "))


def test_an_unknown_word_is_the_one_that_attention_looks_at() -> None:
    trained = _unknowing("dot")
    found = Translator(trained).translate(UNKNOWN_LINES)
    assert found == [_copied_by_hand(trained, line) for line in UNKNOWN_LINES]
    for line, text in zip(UNKNOWN_LINES, found, strict=True):
        assert any(word in text for word in line.split())


@pytest.mark.parametrize(
    "settings", [SearchSettings(), SearchSettings(beam_size=3), SearchSettings(mbr=4)]
)
def test_unknown_words_of_a_line_do_not_depend_on_the_others(settings: SearchSettings) -> None:
    translator = Translator(_unknowing("dot"))
    found = translator.translate(UNKNOWN_LINES, settings=settings)
    assert found == [translator(line, settings=settings) for line in UNKNOWN_LINES]
    assert all("⁇" not in text for text in found)
    assert set("".join(found)) & set("".join(UNKNOWN_LINES))


@pytest.mark.parametrize(
    ("attention", "byte_fallback"), [("none", False), ("dot", True), ("none", True)]
)
def test_without_attention_or_with_bytes_no_word_is_unknown(
    attention: AttentionName, byte_fallback: bool
) -> None:
    trained = _unknowing(attention, byte_fallback=byte_fallback)
    source = collate_sources([trained.source_tokenizer.encode("Łóżź dog")])
    (expected,) = greedy_search(trained.model, *source, limit=LengthLimit())
    text = normalize(trained.target_tokenizer.decode(expected.ids))
    assert Translator(trained)("Łóżź dog") == text


@pytest.fixture(scope="module")
def multilingual(tiny_multilingual_folder: Path) -> Translator:
    return Translator.from_pretrained(tiny_multilingual_folder)


def test_the_target_language_is_the_tag_before_the_source(
    multilingual: Translator, tiny_multilingual_folder: Path
) -> None:
    trained = load_model(tiny_multilingual_folder)
    assert list(map(str, multilingual.directions)) == ["en to de", "en to ko"]
    found = {}
    for language in ("de", "ko"):
        tag = trained.source_tokenizer.tag_id(language)
        source = collate_sources([[tag, *trained.source_tokenizer.encode(LINES[0])]])
        (expected,) = greedy_search(trained.model, *source, limit=LengthLimit())
        found[language] = multilingual(LINES[0], target_language=language)
        assert found[language] == normalize(trained.target_tokenizer.decode(expected.ids))
    assert found["de"] != found["ko"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"settings": SearchSettings(beam_size=3)},
        {"settings": SearchSettings(mbr=4)},
        {"terms": Terms(protect=["numbers"])},
    ],
)
def test_every_way_of_searching_knows_the_language(
    multilingual: Translator, options: dict[str, Any]
) -> None:
    lines = [f"{line} 42" if line.strip() else line for line in LINES]
    german, korean = (
        multilingual.translate(lines, target_language=language, **options)
        for language in ("de", "ko")
    )
    assert german != korean
    assert korean == [
        multilingual.translate([line], target_language="ko", **options)[0] for line in lines
    ]


def test_the_candidates_are_in_the_language(multilingual: Translator) -> None:
    settings = SearchSettings(beam_size=3)
    for language in ("de", "ko"):
        best = multilingual.candidates(LINES, 2, settings=settings, target_language=language)
        texts = multilingual.translate(LINES, settings=settings, target_language=language)
        assert [candidates[0].text for candidates in best] == texts


def test_a_tag_in_the_text_is_text(multilingual: Translator) -> None:
    forged = multilingual("<2ko> Two", target_language="de")
    assert forged != multilingual("Two", target_language="ko")
    assert forged != multilingual("Two", target_language="de")


@pytest.mark.parametrize(("language", "got"), [(None, "none"), ("en", "en"), ("fr", "fr")])
def test_of_several_languages_one_has_to_be_asked_for(
    multilingual: Translator, language: str | None, got: str
) -> None:
    message = f"^tiny-translation: target_language: expected one of de, ko, got {got}$"
    with pytest.raises(ConfigError, match=message):
        multilingual.translate([], target_language=language)
    with pytest.raises(ConfigError, match=message):
        multilingual.candidates(
            [], 1, settings=SearchSettings(beam_size=2), target_language=language
        )


def test_a_model_of_one_language_takes_no_other(translator: Translator) -> None:
    assert translator(LINES[0], target_language="ko") == translator(LINES[0])
    with pytest.raises(ConfigError, match="target_language: expected ko, got en$"):
        translator(LINES[0], target_language="en")


def test_all_models_of_an_ensemble_translate_into_the_language(
    tiny_multilingual_folder: Path,
) -> None:
    trained = load_model(tiny_multilingual_folder)
    german = replace(trained, name="german", data={**trained.data, "target": ["de"]})
    ensemble = Translator(trained, ensemble=[german])
    assert ensemble(LINES[0], target_language="de")
    with pytest.raises(ConfigError, match="^german: target_language: expected de, got ko$"):
        ensemble(LINES[0], target_language="ko")


def test_what_is_copied_is_not_the_tag() -> None:
    data = {"source": ["en"], "target": ["de"]}
    tagged = replace(_unknowing("dot", languages=["de"]), data=data)
    with torch.no_grad():
        tagged.model.output_bias[[UNK_ID, EOS_ID]] = torch.tensor([7.0, -1.0])
    found = Translator(tagged).translate(UNKNOWN_LINES)
    assert found == [_copied_by_hand(tagged, line) for line in UNKNOWN_LINES]
    assert set("".join(found)) & set("".join(UNKNOWN_LINES))


def test_in_bf16_it_translates_with_a_model_of_that_precision(
    tiny_translator_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtypes = []
    step = PreparedSeq2Seq.step

    def spy(self: PreparedSeq2Seq, *inputs: Any) -> Any:
        found = step(self, *inputs)
        dtypes.append(found[0].dtype)
        return found

    monkeypatch.setattr(PreparedSeq2Seq, "step", spy)
    for precision in get_args(Precision):
        Translator.from_pretrained(tiny_translator_folder, precision=precision)("a dog")
        expected = choose_precision(precision, device_type="cpu")
        assert set(dtypes) == {expected}
        dtypes.clear()


def test_a_model_that_cannot_be_prepared_translates_as_it_is(
    tiny_translator_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_model(tiny_translator_folder)
    expected = Translator(trained).translate(LINES)
    monkeypatch.setattr(pipeline.nn.prepared, "can_be_prepared", lambda _: False)
    trained.network.train()
    assert Translator(trained, precision="bf16").translate(LINES) == expected
