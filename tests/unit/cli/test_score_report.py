from dataclasses import replace

import pytest

from pipeline.chat import ChatSettings
from pipeline.cli.score_report import report
from pipeline.decoding import SearchSettings
from pipeline.evaluation import (
    ChatScores,
    ClassificationScores,
    ForecastScores,
    GenerationScores,
    LanguageModelScores,
)

EVALUATION = GenerationScores(
    split="test",
    num_sentences=2,
    bleu=31.4159,
    chrf=50.0,
    signature="nrefs:1|bleu",
    chrf_signature="nrefs:1|chrf",
    exact_match=0.5,
    loss_nats_per_token=1.23456,
    perplexity_per_word=9.8765,
    bits_per_character=2.3456,
    distinct_1=0.75,
    distinct_2=0.875,
    beam_size=1,
    sentences_per_second=1234.5,
    by_length=[{"words": "1-10", "num_sentences": 2, "bleu": 31.4159}],
    hypotheses=["the dog", "한국어"],
)
CHAT = ChatScores(
    **vars(EVALUATION),
    distinct_3=0.9,
    mean_length=3.273,
    top_10_reply_share=0.065,
    rep_4=0.01234,
    relevance=0.12345,
    hits_at_1=0.156,
    num_candidates=20,
    num_ranked=1000,
    by_turn=[
        {"turn": 1, "num_sentences": 1234, "perplexity_per_word": 12.345678, "hits_at_1": 0.25},
        {"turn": 8, "num_sentences": 5, "perplexity_per_word": 9876.54321, "hits_at_1": None},
    ],
    settings=ChatSettings(),
)
CLASSIFICATION = ClassificationScores(
    split="test",
    num_sentences=1234,
    accuracy=0.98765,
    macro_f1=0.56789,
    loss_nats_per_label=0.98765,
    by_label={
        "so so": {"precision": 0.25, "recall": 0.5, "f1": 1 / 3, "num_sentences": 1230},
        "좋음": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "num_sentences": 4},
    },
    hypotheses=["so so", "좋음"],
)
LANGUAGE = LanguageModelScores(
    split="validation",
    num_sentences=1234,
    loss_nats_per_token=1.23456,
    perplexity_per_word=98.765,
    bits_per_character=2.3456,
)
FORECAST = ForecastScores(
    split="test",
    num_values=1234,
    loss_nats_per_value=1.23456,
    rmse=2.34567,
    mae=1.98765,
    naive_rmse=3.45678,
    naive_mae=2.87654,
)


OF_TEXT = [
    "split       test, 2 sentences, greedy",
    "BLEU        31.42   nrefs:1|bleu",
    "chrF        50.00   nrefs:1|chrf",
    "exact match 50.0%",
    "loss        1.2346 nats a token",
    "perplexity  9.88 a word, 2.346 bits a character",
    "speed       1234 sentences/s",
]


def test_the_report_of_a_translator() -> None:
    assert report(EVALUATION).splitlines() == [
        *OF_TEXT,
        "     1-10 words: BLEU 31.42  (2)",
    ]


def test_the_report_of_a_chatbot() -> None:
    assert report(CHAT).splitlines() == [
        *OF_TEXT,
        "(BLEU and chrF say little of a reply: there are many good ones, and one reference)",
        "distinct    1: 0.7500, 2: 0.8750, 3: 0.9000",
        "length      3.27 words a reply",
        "top 10      6.5% of replies are among the ten most frequent",
        "rep-4       1.23% of the 4-grams of a reply repeat one before them",
        "relevance   0.1235   cosine of reply and reference, centred; 0 is chance",
        "hits@1      15.6% of 1,000 contexts, 20 candidates; 5% is chance",
        "  turn 1 : perplexity    12.35, hits@1  25.0%  (1,234)",
        "  turn 8+: perplexity  9876.54, hits@1      -  (5)",
    ]


@pytest.mark.parametrize(
    ("beam_size", "temperature", "words"),
    [(1, 0.0, "greedy"), (4, 0.0, "beam 4"), (1, 0.7, "sampled (temperature 0.7)")],
)
def test_a_report_says_how_it_was_decoded(beam_size: int, temperature: float, words: str) -> None:
    settings = ChatSettings(temperature=temperature)
    scores = replace(CHAT, beam_size=beam_size, settings=settings)
    assert report(scores).startswith(f"split       test, 2 sentences, {words}\n")


@pytest.mark.parametrize(
    ("search", "num_models", "words"),
    [
        (SearchSettings(), 1, "greedy"),
        (SearchSettings(), 2, "greedy, 2 models"),
        (SearchSettings(mbr=16), 1, "minimum Bayes risk of 16"),
        (SearchSettings(beam_size=5, coverage_penalty=0.2), 1, "beam 5, coverage penalty 0.2"),
        (SearchSettings(beam_size=5, reverse_weight=0.3), 1, "beam 5, reverse model 0.3"),
        (
            SearchSettings(beam_size=5, length_penalty=0.6),
            3,
            "beam 5, length penalty 0.6, 3 models",
        ),
    ],
)
def test_a_report_says_how_was_searched(
    search: SearchSettings, num_models: int, words: str
) -> None:
    scores = replace(EVALUATION, beam_size=search.beam_size, search=search, num_models=num_models)
    assert report(scores).startswith(f"split       test, 2 sentences, {words}\n")


def test_the_report_of_a_classifier() -> None:
    assert report(CLASSIFICATION).splitlines() == [
        "split       test, 1,234 sentences",
        "accuracy    98.77%",
        "macro F1    0.5679",
        "loss        0.9877 nats a label",
        "  so so: precision 0.25, recall 0.50, F1 0.33  (1,230)",
        "  좋음: precision 0.00, recall 0.00, F1 0.00  (4)",
    ]


def test_the_report_of_a_language_model() -> None:
    assert report(LANGUAGE).splitlines() == [
        "split       validation, 1,234 sentences",
        "loss        1.2346 nats a token",
        "perplexity  98.77 a word",
        "            2.346 bits a character",
    ]


def test_the_report_of_a_forecaster() -> None:
    assert report(FORECAST).splitlines() == [
        "split       test, 1,234 forecasts, a step ahead",
        "loss        1.2346 nats a value",
        "RMSE        2.346   (the value before as a forecast: 3.457)",
        "MAE         1.988   (the value before as a forecast: 2.877)",
    ]
