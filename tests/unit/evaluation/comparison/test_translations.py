import json
from dataclasses import replace

import pytest

from pipeline import metrics
from pipeline.evaluation import Pairs
from pipeline.evaluation.comparison import (
    CometScores,
    TranslationComparison,
    compare_translations,
)
from pipeline.metrics import BleuProtocol

_REFERENCES = [f"there are {n} dogs and {2 * n} cats in the garden today" for n in range(120)]
_PAIRS = Pairs(
    split="validation",
    sources=[" ".join(["Hund"] * (1 + n % 12)) for n in range(120)],
    references=_REFERENCES,
)
_GOOD = [text.replace("today", "now") if n % 4 else text for n, text in enumerate(_REFERENCES)]
_BAD = [text.replace("and", "or").replace("in the", "on") for text in _GOOD]


def _compare(a: list[str] = _GOOD, b: list[str] = _BAD, **options: object) -> TranslationComparison:
    return compare_translations(_PAIRS, a, b, names=("one", "two"), **options)  # type: ignore[arg-type]


def test_the_better_one_is_found_in_either_order() -> None:
    comparison, mirrored = _compare(), _compare(_BAD, _GOOD)
    assert (comparison.verdict.better, mirrored.verdict.better) == ("a", "b")
    assert comparison.verdict.sentence == mirrored.verdict.sentence.replace("B is", "A is")
    swapped = {"a": "b", "b": "a"}
    for row, other in zip(comparison.by_length, mirrored.by_length, strict=True):
        assert {
            f"{name}{swapped[end]}" if name.endswith("_") else f"{name}{end}": value
            for (name, end), value in ((((key[:-1], key[-1])), row[key]) for key in row)
        } == other


def test_a_model_does_not_differ_from_itself() -> None:
    comparison = _compare(_GOOD, _GOOD, training_text=_REFERENCES)
    assert comparison.num_same == comparison.num_sentences == 120
    assert comparison.verdict.better is None
    assert comparison.verdict.sentence == "no difference: they translate every sentence alike"
    assert comparison.most_different == []
    assert {score.p_value for score in comparison.scores.values()} == {1.0}
    assert comparison.by_frequency
    assert all(row["recall_a"] == row["recall_b"] for row in comparison.by_frequency)


def test_sentences_that_are_the_same_are_counted() -> None:
    assert _compare(_GOOD, [*_GOOD[:100], *_BAD[100:]]).num_same == 100


def test_bins_by_length_are_scored_by_themselves() -> None:
    rows = _compare().by_length
    assert [(row["words"], row["num_sentences"]) for row in rows] == [("1-6", 60), ("7-12", 60)]
    inside = [i for i, source in enumerate(_PAIRS.sources) if len(source.split()) > 6]
    texts, references = [_BAD[i] for i in inside], [_REFERENCES[i] for i in inside]
    for metric in (metrics.bleu, metrics.chrf, metrics.ter):
        assert rows[1][f"{metric.__name__}_b"] == metric(texts, references).value
        assert rows[1][f"{metric.__name__}_a"] != rows[1][f"{metric.__name__}_b"]


def test_sentences_of_one_length_are_a_bin_of_that_length() -> None:
    pairs = replace(_PAIRS, sources=["ein Hund"] * 120)
    (row,) = compare_translations(pairs, _GOOD, _BAD, names=("one", "two")).by_length
    assert row["words"] == "2"


def test_rare_words_are_those_of_the_training_text() -> None:
    assert _compare().by_frequency is None
    rows = _compare(training_text=["today", *["and in"] * 3, *["there"] * 51]).by_frequency
    assert rows is not None
    assert [row["occurrences"] for row in rows] == ["0", "1-5", "over 50"]
    assert rows[2] == {"occurrences": "over 50", "num_words": 120, "recall_a": 1, "recall_b": 1}
    # "today" stands in a quarter of both, "and" and "in" in all of A and in none of B.
    assert rows[1]["num_words"] == 360
    assert rows[1]["recall_a"] == pytest.approx((30 + 240) / 360)
    assert rows[1]["recall_b"] == pytest.approx(30 / 360)


def test_bleu_is_that_of_the_protocol_everywhere() -> None:
    protocol = BleuProtocol(lowercase=True)
    loud = [text.upper() for text in _GOOD]
    comparison = _compare(loud, protocol=protocol)
    assert comparison.scores["bleu"].a.score == metrics.bleu(_GOOD, _REFERENCES).value
    assert comparison.by_length[0]["bleu_a"] > 50


def test_as_json_is_plain_and_says_what_was_found() -> None:
    comparison = _compare(num=3, training_text=_REFERENCES, comet=CometScores("judge", 0.8, 0.75))
    values = comparison.as_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert (values["better"], values["conclusion"]) == ("a", comparison.verdict.sentence)
    bleu = values["bleu"]
    assert bleu["a"]["score"] == pytest.approx(metrics.bleu(_GOOD, _REFERENCES).value)
    assert bleu["difference"] == bleu["a"]["score"] - bleu["b"]["score"]
    assert set(bleu["a"]) == {"score", "mean", "interval"}
    assert 0 < bleu["p_value"] < 0.01
    assert values["comet"] == {"model": "judge", "a": 0.8, "b": 0.75}
    assert len(values["most_different"]) == 2  # B is nowhere ahead
    assert "sentences" not in values
    assert (values["model_a"], values["model_b"], values["split"]) == ("one", "two", "validation")
