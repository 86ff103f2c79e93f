import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline import metrics
from pipeline.chat import ChatSession, ChatSettings
from pipeline.context import join_turns
from pipeline.decoding import LengthLimit, SearchSettings, search_best
from pipeline.errors import ConfigError
from pipeline.evaluation import ChatScores, Pairs, score_chat
from pipeline.evaluation.chat import turn_number
from pipeline.evaluation.generation import encode_sources, generation_scores, write
from pipeline.evaluation.likelihood import reference_nats
from pipeline.model_folder import TrainedModel, load_model
from pipeline.text import normalize

_TURNS = [
    "안녕하세요",
    "Two children",
    "Where is it?",
    "풀밭에서 🙂",
    "Oh",
    "Yes",
    "No",
    "So",
    "Ja",
    "x",
]
_PAIRS = Pairs(
    split="test",
    sources=[join_turns(_TURNS[: i + 1]) for i in range(9)] * 2,
    references=[*_TURNS[1:], *(f"{turn} today" for turn in _TURNS[1:])],
)


@pytest.fixture(scope="module")
def chatbot(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


@pytest.fixture(scope="module")
def scores(chatbot: TrainedModel) -> ChatScores:
    return score_chat(chatbot, _PAIRS)


def test_what_any_generator_scores_is_unchanged(chatbot: TrainedModel, scores: ChatScores) -> None:
    limit = LengthLimit.for_task(is_chat=True)
    search = partial(search_best, chatbot.model, beam_size=1, limit=limit)
    source_ids = encode_sources(chatbot, _PAIRS.sources)
    target_ids = chatbot.target_tokenizer.encode_batch(_PAIRS.references)
    nats, num_tokens = reference_nats(chatbot.model, source_ids, target_ids, batch_size=64)
    expected = generation_scores(
        _PAIRS,
        write(chatbot, _PAIRS.sources, search, batch_size=64),
        nats=nats,
        num_tokens=num_tokens,
        search=SearchSettings(),
    )
    assert scores.hypotheses == expected.hypotheses
    found = scores.as_json()
    for name, value in expected.as_json().items():
        if name != "sentences_per_second":
            is_number = isinstance(value, float)
            assert found[name] == (pytest.approx(value, rel=1e-5) if is_number else value)


def test_measures_are_those_of_the_replies(scores: ChatScores) -> None:
    replies = scores.hypotheses
    assert scores.distinct_3 == metrics.distinct(replies, 3)
    assert scores.mean_length == metrics.mean_length(replies)
    assert scores.top_10_reply_share == metrics.top_reply_share(replies, 10)
    assert scores.rep_4 == metrics.repetition(replies, 4)
    assert (scores.num_ranked, scores.num_candidates) == (18, 18)
    assert 0 <= scores.hits_at_1 <= 1


def test_turns_are_counted_from_the_first_reply() -> None:
    assert [turn_number(source) for source in _PAIRS.sources[:9]] == [1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert turn_number("") == 1


def test_turns_part_the_pairs_and_their_nats(scores: ChatScores) -> None:
    rows = scores.by_turn
    assert [(row["turn"], row["num_sentences"]) for row in rows] == [
        *((turn, 2) for turn in range(1, 8)),
        (8, 4),
    ]
    num_words = [0] * 9
    for source, reference in zip(_PAIRS.sources, _PAIRS.references, strict=True):
        num_words[turn_number(source)] += len(reference.split()) + 1
    nats = [
        n * math.log(row["perplexity_per_word"]) for n, row in zip(num_words[1:], rows, strict=True)
    ]
    assert math.exp(sum(nats) / sum(num_words)) == pytest.approx(scores.perplexity_per_word)
    hits = sum(row["hits_at_1"] * row["num_sentences"] for row in rows)
    assert hits == pytest.approx(18 * scores.hits_at_1)


def test_a_turn_of_which_no_pair_was_ranked_has_no_hits(
    chatbot: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.evaluation.ranking.MAX_RANKED", 1)
    rows = score_chat(chatbot, _PAIRS).by_turn
    assert rows[0]["hits_at_1"] is not None
    assert [row["hits_at_1"] for row in rows[1:]] == [None] * 7


def test_who_says_the_references_is_wholly_relevant(
    chatbot: TrainedModel, scores: ChatScores
) -> None:
    said = replace(_PAIRS, references=scores.hypotheses)
    num_filled = sum(bool(reply) for reply in scores.hypotheses)
    assert num_filled
    assert score_chat(chatbot, said).relevance == pytest.approx(num_filled / 18, abs=1e-4)


def test_sampled_replies_depend_on_the_seed_alone(
    chatbot: TrainedModel, scores: ChatScores
) -> None:
    hypotheses = [
        score_chat(chatbot, _PAIRS, settings=ChatSettings(temperature=1.5, seed=seed)).hypotheses
        for seed in (0, 0, 1)
    ]
    assert hypotheses[0] == hypotheses[1] != hypotheses[2]
    assert scores.hypotheses not in hypotheses


def test_settings_are_those_of_a_session(chatbot: TrainedModel) -> None:
    # Where one token is left to choose from, sampling says what a session says.
    settings = ChatSettings(temperature=1.0, top_k=1, max_tokens=3)
    found = score_chat(chatbot, _PAIRS, settings=settings)
    session = ChatSession(chatbot, settings=settings)
    reply = normalize(session.reply(_PAIRS.sources[0])).rstrip("\ufffd ")
    assert found.hypotheses[0].rstrip("\ufffd ") == reply
    assert found.settings == settings


@pytest.mark.parametrize(
    "options",
    [
        {"repetition_penalty": 1.5},
        {"no_repeat_context_ngram": 1},
        {"num_candidates": 4, "mmi_weight": 1.0},
        {"unsure_below": 0.9},
        {"no_repeat_ngram": 1, "min_tokens": 2},
    ],
)
def test_replies_are_what_a_session_would_say(
    chatbot: TrainedModel, scores: ChatScores, options: dict[str, Any]
) -> None:
    settings = ChatSettings(max_tokens=12, **options)
    found = score_chat(chatbot, _PAIRS, settings=settings).hypotheses
    assert found != scores.hypotheses
    for row in (0, 1, 6):
        turns = _TURNS[: row + 1]
        session = ChatSession(chatbot, settings=settings)
        session.restore([""] * (row % 2) + turns[:-1])
        # A session does not show the bytes of a character whose last one never came.
        assert found[row].rstrip("\ufffd ") == normalize(session.reply(turns[-1])).rstrip("\ufffd ")


def test_several_candidates_take_no_beam(chatbot: TrainedModel) -> None:
    with pytest.raises(ConfigError, match="^--beam-size: expected 1 where a setting looks at"):
        score_chat(chatbot, _PAIRS, settings=ChatSettings(num_candidates=2), beam_size=2)


def test_a_beam_is_not_sampled(chatbot: TrainedModel) -> None:
    with pytest.raises(ConfigError, match="^--beam-size: expected 1 where --temperature is above"):
        score_chat(chatbot, _PAIRS, settings=ChatSettings(temperature=1.0), beam_size=2)


def test_as_json_is_plain(scores: ChatScores) -> None:
    values = scores.as_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert "hypotheses" not in values
    assert values["settings"]["temperature"] == 0
