import json
import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline import metrics
from pipeline.batch import collate
from pipeline.chat import ChatSession, ChatSettings
from pipeline.context import fit_context, join_turns
from pipeline.decoding import SearchSettings
from pipeline.evaluation import (
    GenerationScores,
    Pairs,
    evaluate,
    score_chat,
    score_translations,
)
from pipeline.evaluation.generation import encode_sources
from pipeline.evaluation.likelihood import reference_nats
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel, load_model
from pipeline.text import normalize
from pipeline.tokenizer import BOS_ID, EOS_ID
from pipeline.translator import MAX_SOURCE_TOKENS, Translator

_PAIRS = Pairs(
    split="test",
    sources=[
        "The little dog runs.",
        "A man in a red shirt is riding a bicycle over the green grass today.",
        "Two",
        "Where is the next railway station, please?",
        "강아지가 풀밭에서 뛰어다녀요.",
        " ".join(["water"] * 25),
    ],
    references=[
        "강아지가 뛰어다녀요.",
        "Ein kleiner Hund läuft über das grüne Gras.",
        "zwei",
        "",
        "The dog runs.",
        "water",
    ],
)


@pytest.fixture(scope="module")
def translator(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


@pytest.fixture(scope="module")
def chatbot(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


def _nats_by_hand(trained: TrainedModel, source_ids: Sequence[int], reference: str) -> list[float]:
    """Of each token of the reference and of EOS, a sentence alone, a step at a time."""
    target_ids = trained.target_tokenizer.encode(reference)
    batch = collate([source_ids], [target_ids])
    nats = []
    with torch.inference_mode():
        state = trained.model.encode(batch.source_ids, batch.source_lengths)
        token_id = BOS_ID
        for label in (*target_ids, EOS_ID):
            logits, state = trained.model.step(torch.tensor([token_id]), state)
            nats.append(-float(torch.log_softmax(logits[0], dim=-1)[label]))
            token_id = label
    return nats


def _numbers(evaluation: GenerationScores) -> dict[str, float]:
    return {
        name: value
        for name, value in evaluation.as_json().items()
        if isinstance(value, (int, float)) and name != "sentences_per_second"
    }


def test_the_loss_is_that_of_each_token_by_hand(translator: TrainedModel) -> None:
    encode = translator.source_tokenizer.encode
    pairs = zip(_PAIRS.sources, _PAIRS.references, strict=True)
    nats = [
        n for source, target in pairs for n in _nats_by_hand(translator, encode(source), target)
    ]
    evaluation = score_translations(translator, _PAIRS)
    assert evaluation.loss_nats_per_token == pytest.approx(sum(nats) / len(nats), rel=1e-4)
    num_words = sum(len(reference.split()) + 1 for reference in _PAIRS.references)
    num_characters = sum(len(reference) + 1 for reference in _PAIRS.references)
    assert evaluation.perplexity_per_word == pytest.approx(
        math.exp(sum(nats) / num_words), rel=1e-3
    )
    assert evaluation.bits_per_character == pytest.approx(
        sum(nats) / math.log(2) / num_characters, rel=1e-4
    )


def test_the_loss_of_a_reply_is_given_what_fits_of_the_conversation(chatbot: TrainedModel) -> None:
    turns = [f"Where is the railway station number {n}, please?" for n in range(6)]
    conversation = join_turns(turns)
    budget = chatbot.data["context_tokens"]
    tokenizer = chatbot.source_tokenizer
    ids = tokenizer.encode(conversation)
    context = fit_context(ids, turn_id=tokenizer.turn_id, budget=budget)
    assert len(context) <= budget < len(ids)
    nats = _nats_by_hand(chatbot, context, "Two children")
    pairs = Pairs(split="test", sources=[conversation], references=["Two children"])
    assert score_chat(chatbot, pairs).loss_nats_per_token == pytest.approx(
        sum(nats) / len(nats), rel=1e-4
    )


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("task", ["translator", "chatbot"])
def test_no_number_depends_on_the_batch_size(
    request: pytest.FixtureRequest, task: str, beam_size: int
) -> None:
    trained: TrainedModel = request.getfixturevalue(task)
    alone, together = (
        evaluate(trained, _PAIRS, beam_size=beam_size, batch_size=batch_size)
        for batch_size in (1, 64)
    )
    assert isinstance(alone, GenerationScores)
    assert isinstance(together, GenerationScores)
    assert alone.hypotheses == together.hypotheses
    assert _numbers(alone) == pytest.approx(_numbers(together), rel=1e-4)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_the_hypotheses_are_what_the_translator_says(
    translator: TrainedModel, beam_size: int
) -> None:
    said = Translator(translator).translate(_PAIRS.sources, beam_size=beam_size)
    evaluation = score_translations(translator, _PAIRS, beam_size=beam_size)
    assert [normalize(text) for text in evaluation.hypotheses] == said
    assert evaluation.beam_size == beam_size


def test_the_hypotheses_are_what_the_chatbot_says(chatbot: TrainedModel) -> None:
    evaluation = score_chat(chatbot, _PAIRS)
    session = ChatSession(chatbot, settings=ChatSettings(max_tokens=60))
    for source, hypothesis in zip(_PAIRS.sources, evaluation.hypotheses, strict=True):
        reply = normalize(session.reply(source))
        assert reply == normalize(hypothesis).rstrip("\ufffd ")  # half a character
        session.reset()


def test_scores_are_those_of_the_hypotheses(translator: TrainedModel) -> None:
    evaluation = score_translations(translator, _PAIRS)
    bleu = metrics.bleu(evaluation.hypotheses, _PAIRS.references)
    chrf = metrics.chrf(evaluation.hypotheses, _PAIRS.references)
    assert (evaluation.bleu, evaluation.signature) == (bleu.value, bleu.signature)
    assert (evaluation.chrf, evaluation.chrf_signature) == (chrf.value, chrf.signature)
    assert evaluation.distinct_1 == metrics.distinct(evaluation.hypotheses, 1)
    assert evaluation.distinct_2 == metrics.distinct(evaluation.hypotheses, 2)
    assert evaluation.sentences_per_second > 0


def test_what_equals_its_reference_is_an_exact_match(translator: TrainedModel) -> None:
    hypotheses = score_translations(translator, _PAIRS).hypotheses
    references = [*hypotheses[:2], *(f"not {text}" for text in hypotheses[2:])]
    evaluation = score_translations(translator, replace(_PAIRS, references=references))
    assert evaluation.exact_match == pytest.approx(2 / 6)


def test_the_bins_by_length_hold_each_sentence_once(translator: TrainedModel) -> None:
    evaluation = score_translations(translator, _PAIRS)
    assert sum(row["num_sentences"] for row in evaluation.by_length) == len(_PAIRS.sources)
    assert [(row["words"], row["num_sentences"]) for row in evaluation.by_length] == [
        ("1-10", 4),
        ("11-20", 1),
        ("21-30", 1),
    ]
    lengths = [0, 1, 10, 11, 20, 21, 40, 41, 300]
    sources = [" ".join(["a"] * n) for n in lengths]
    pairs = Pairs(split="test", sources=sources, references=["b"] * len(sources))
    by_length = {
        row["words"]: row["num_sentences"]
        for row in score_translations(translator, pairs).by_length
    }
    assert by_length == {"1-10": 2, "11-20": 2, "21-30": 1, "31-40": 1, "over 40": 2}


def test_as_json_is_plain_and_has_no_hypotheses(translator: TrainedModel) -> None:
    values = score_translations(translator, _PAIRS).as_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert "hypotheses" not in values
    assert (values["split"], values["num_sentences"]) == ("test", 6)


def test_a_source_beyond_all_measure_is_cut(translator: TrainedModel) -> None:
    tokenizer = translator.source_tokenizer
    long = "water " * MAX_SOURCE_TOKENS
    ids = tokenizer.encode(long.strip())[:MAX_SOURCE_TOKENS]
    nats = _nats_by_hand(translator, ids, "Two")
    pairs = Pairs(split="test", sources=[long.strip()], references=["Two"])
    evaluation = score_translations(translator, pairs)
    assert evaluation.loss_nats_per_token == pytest.approx(sum(nats) / len(nats), rel=1e-4)


def test_a_hypothesis_is_one_line_of_clean_text(tiny_translator_folder: Path) -> None:
    pairs = Pairs(split="test", sources=["The little dog runs."], references=["x"])
    (hypothesis,) = score_translations(load_model(tiny_translator_folder), pairs).hypotheses
    assert hypothesis == normalize(hypothesis)


@pytest.mark.parametrize(
    "search",
    [SearchSettings(beam_size=3, length_penalty=0.3, coverage_penalty=0.3), SearchSettings(mbr=4)],
)
def test_the_hypotheses_are_searched_for_as_the_translator_does(
    translator: TrainedModel, search: SearchSettings
) -> None:
    evaluation = score_translations(translator, _PAIRS, search=search, batch_size=2)
    assert evaluation.hypotheses == Translator(translator).translate(
        _PAIRS.sources, settings=search
    )
    assert (evaluation.search, evaluation.beam_size) == (search, search.beam_size)


def test_an_ensemble_with_itself_scores_as_the_model(translator: TrainedModel) -> None:
    alone = score_translations(translator, _PAIRS)
    twice = score_translations(translator, _PAIRS, ensemble=[translator], batch_size=2)
    assert twice.hypotheses == alone.hypotheses
    assert (alone.num_models, twice.num_models) == (1, 2)
    assert _numbers(twice) == pytest.approx({**_numbers(alone), "num_models": 2}, rel=1e-4)


def test_the_loss_of_an_ensemble_is_that_of_the_mean_of_the_probabilities(
    translator: TrainedModel,
) -> None:
    with torch.no_grad():
        network = deepcopy(translator.model)
        network.output_bias.add_(torch.linspace(-2, 2, len(network.output_bias)))
    other = replace(translator, network=network)
    encode = translator.source_tokenizer.encode
    nats = []
    for source, target in zip(_PAIRS.sources, _PAIRS.references, strict=True):
        both = zip(
            _nats_by_hand(translator, encode(source), target),
            _nats_by_hand(other, encode(source), target),
            strict=True,
        )
        nats += [-math.log((math.exp(-one) + math.exp(-two)) / 2) for one, two in both]
    evaluation = score_translations(translator, _PAIRS, ensemble=[other], batch_size=2)
    assert evaluation.loss_nats_per_token == pytest.approx(sum(nats) / len(nats), rel=1e-4)
    alone = score_translations(translator, _PAIRS).loss_nats_per_token
    assert evaluation.loss_nats_per_token != pytest.approx(alone, rel=1e-2)


def test_a_direction_is_scored_with_its_tag(tiny_multilingual_folder: Path) -> None:
    trained = load_model(tiny_multilingual_folder)
    sources, references = ["The dog.", "A man."], ["강아지", "물"]
    losses = []
    for language in ("de", "ko"):
        pairs = Pairs(
            split="test",
            sources=sources,
            references=references,
            direction=Direction("en", language),
        )
        scores = score_translations(trained, pairs)
        translator = Translator(trained)
        assert scores.hypotheses == translator.translate(sources, target_language=language)
        source_ids = encode_sources(trained, sources, target_language=language)
        assert [ids[:1] for ids in source_ids] == [trained.tag_ids(language)] * 2
        target_ids = trained.target_tokenizer.encode_batch(references)
        nats, num_tokens = reference_nats(
            trained.model, source_ids, target_ids, batch_size=1, device="cpu"
        )
        assert scores.loss_nats_per_token == pytest.approx(nats / num_tokens, rel=1e-5)
        losses.append(scores.loss_nats_per_token)
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)
