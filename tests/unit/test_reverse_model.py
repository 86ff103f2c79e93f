"""What a translator of the other direction makes of what a beam found."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import pipeline.translator
from pipeline import SearchSettings, Translator
from pipeline.batch import collate_sources
from pipeline.decoding import score_targets
from pipeline.errors import ConfigError, ModelError
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel, load_model
from pipeline.reverse_model import ReverseModel
from pipeline.sentences import Candidate

LINES = ["A man in a red shirt.", "", "Where is the next railway station, please?", "Two"]
PLAIN = SearchSettings(beam_size=5)
JUDGED = SearchSettings(beam_size=5, reverse_weight=0.7)


@pytest.fixture(scope="module")
def forward(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


@pytest.fixture(scope="module")
def back(forward: TrainedModel) -> TrainedModel:
    return replace(forward, data={**forward.data, "source": "ko", "target": "en"})


@pytest.fixture(scope="module")
def both_ways(tiny_multilingual_folder: Path) -> TrainedModel:
    trained = load_model(tiny_multilingual_folder)
    data = {**trained.data, "source": ["de", "ko"], "target": ["de", "ko"]}
    return replace(trained, data=data)


def log_prob(trained: TrainedModel, source: list[int], target: list[int]) -> float:
    return float(score_targets(trained.model, *collate_sources([source]), [target]))


def test_scores_of_both_directions_are_added_a_token_each(
    forward: TrainedModel, back: TrainedModel
) -> None:
    tokenizer = back.source_tokenizer
    before = Translator(forward).candidates(LINES, 5, settings=PLAIN)
    after = Translator(forward, reverse=back).candidates(LINES, 5, settings=JUDGED, batch_size=3)
    for line, searched, judged in zip(LINES, before, after, strict=True):
        if not line:
            assert judged == [Candidate("", 0.0)]
            continue
        ids = tokenizer.encode(line)
        expected = {
            text: score + 0.7 * log_prob(back, tokenizer.encode(text), ids) / (len(ids) + 1)
            for text, score in searched
        }
        assert dict(judged) == pytest.approx(expected, abs=1e-4)
        scores = [candidate.score for candidate in judged]
        assert scores == sorted(scores, reverse=True)
    assert [[text for text, _ in each] for each in after] != [
        [text for text, _ in each] for each in before
    ]


def test_the_best_is_the_translation(forward: TrainedModel, back: TrainedModel) -> None:
    translator = Translator(forward, reverse=back)
    best = translator.candidates(LINES, 1, settings=JUDGED)
    assert translator.translate(LINES, settings=JUDGED) == [text for ((text, _),) in best]
    assert translator.translate([], settings=JUDGED) == []
    assert translator.translate(LINES, settings=PLAIN) == Translator(forward).translate(
        LINES, settings=PLAIN
    )


def test_a_model_of_both_ways_judges_itself_by_its_tag(both_ways: TrainedModel) -> None:
    tokenizer = both_ways.source_tokenizer
    translator = Translator(both_ways, reverse=both_ways)
    asked = {"target_language": "ko"}
    (before,) = translator.candidates(["Hund 1."], 3, settings=PLAIN, **asked)  # type: ignore[arg-type]
    (after,) = translator.candidates(["Hund 1."], 5, settings=JUDGED, **asked)  # type: ignore[arg-type]
    ids, tag = tokenizer.encode("Hund 1."), tokenizer.tag_id("de")
    scores = dict(after)
    for text, score in before:
        gain = log_prob(both_ways, [tag, *tokenizer.encode(text)], ids) / (len(ids) + 1)
        assert scores[text] == pytest.approx(score + 0.7 * gain, abs=1e-4)


def test_who_cannot_judge(
    forward: TrainedModel, back: TrainedModel, tiny_chat_folder: Path
) -> None:
    with pytest.raises(ModelError, match="expected translation"):
        Translator(forward, reverse=load_model(tiny_chat_folder))
    with pytest.raises(ModelError, match="translates en to ko; expected ko to en$"):
        Translator(forward, reverse=forward)


def test_back_from_a_language_that_it_does_not_know(
    forward: TrainedModel, both_ways: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    into_two = replace(both_ways, data={**both_ways.data, "source": "en"})
    from_ko = replace(forward, data={**forward.data, "source": "ko", "target": "en"})
    translator = Translator(into_two, reverse=from_ko)
    translator.translate(LINES, settings=JUDGED, target_language="ko")
    translator.candidates(LINES, 1, settings=PLAIN, target_language="de")  # it is not asked
    monkeypatch.setattr(pipeline.translator, "beam_search", None)  # told before anything is found
    with pytest.raises(ConfigError, match="translates ko to en; expected de to en$"):
        translator.translate(LINES, settings=JUDGED, target_language="de")


def test_it_has_to_be_known_which_language_to_translate_back_into(back: TrainedModel) -> None:
    directions = [Direction("en", "ko"), Direction("de", "ko")]
    reverse = ReverseModel(back, directions, device=torch.device("cpu"), dtype=torch.float32)
    with pytest.raises(ConfigError, match="one language to translate back .* ko, got en, de$"):
        reverse.require("ko")


def test_what_was_not_read_is_not_asked_for(
    forward: TrainedModel, back: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.translator, "MAX_SOURCE_TOKENS", 4)
    assert back.source_tokenizer is forward.source_tokenizer  # so that both cut alike
    translator = Translator(forward, reverse=back)
    start = forward.source_tokenizer.decode(forward.source_tokenizer.encode(LINES[2])[:4])
    one, other = translator.candidates([LINES[2], start], 5, settings=JUDGED)
    assert dict(one) == pytest.approx(dict(other), abs=1e-4)


def test_a_weight_needs_a_model(forward: TrainedModel) -> None:
    with pytest.raises(ConfigError, match="^reverse_weight: expected a reverse model with it"):
        Translator(forward).translate(LINES, settings=JUDGED)
