from dataclasses import replace

import pytest

from pipeline.evaluation.comparison import judge
from pipeline.metrics import PairedScore, Resampled


def _score(a: float, b: float, p_value: float, *, less_is_better: bool = False) -> PairedScore:
    return PairedScore(
        a=Resampled(a, a, 1.0),
        b=Resampled(b, b, 1.0),
        p_value=p_value,
        less_is_better=less_is_better,
        signature="x",
    )


_A_AHEAD = {
    "bleu": _score(30.8, 30.0, 0.012),
    "chrf": _score(50.5, 50.0, 0.02),
    "ter": _score(60.0, 61.0, 0.01, less_is_better=True),
}


def _mirrored(scores: dict[str, PairedScore]) -> dict[str, PairedScore]:
    return {name: replace(score, a=score.b, b=score.a) for name, score in scores.items()}


def _sentence(scores: dict[str, PairedScore]) -> str:
    return judge(scores, num_sentences=1000, num_same=400).sentence


def test_the_better_one_is_named_with_its_gain() -> None:
    verdict = judge(_A_AHEAD, num_sentences=1000, num_same=400)
    assert (verdict.better, verdict.sentence) == ("a", "A is better: +0.80 BLEU, p = 0.012")
    mirrored = judge(_mirrored(_A_AHEAD), num_sentences=1000, num_same=400)
    assert (mirrored.better, mirrored.sentence) == ("b", "B is better: +0.80 BLEU, p = 0.012")


def test_a_difference_that_chance_explains_is_none() -> None:
    scores = {name: replace(score, p_value=0.21) for name, score in _A_AHEAD.items()}
    verdict = judge(scores, num_sentences=1000, num_same=400)
    assert verdict.better is None
    assert verdict.sentence == (
        "no difference that this test set can show: A +0.80 BLEU, p = 0.210"
    )
    assert _sentence(_mirrored(scores)).endswith(": B +0.80 BLEU, p = 0.210")


def test_where_bleu_is_the_same_neither_is_ahead() -> None:
    scores = {name: _score(30.0, 30.0, 1.0) for name in _A_AHEAD}
    assert _sentence(scores) == "no difference that this test set can show: the same BLEU"


@pytest.mark.parametrize(("p_value", "better"), [(0.025, "a"), (0.026, None), (0.04, None)])
def test_the_limit_is_that_of_a_one_sided_test(p_value: float, better: str | None) -> None:
    scores = {**_A_AHEAD, "bleu": replace(_A_AHEAD["bleu"], p_value=p_value)}
    assert judge(scores, num_sentences=1000, num_same=400).better == better


def test_metrics_that_disagree_are_named() -> None:
    scores = {**_A_AHEAD, "chrf": _score(50.0, 50.5, 0.004)}
    assert _sentence(scores) == (
        "A is better: +0.80 BLEU, p = 0.012; but chrF2 speaks for B (p = 0.004)"
    )
    scores = {**_A_AHEAD, "bleu": _score(30.1, 30.0, 0.3)}
    assert _sentence(scores) == (
        "no difference that this test set can show: A +0.10 BLEU, p = 0.300; "
        "but chrF2 speaks for A (p = 0.020); but TER speaks for A (p = 0.010)"
    )


def test_of_ter_less_is_better() -> None:
    scores = {**_A_AHEAD, "ter": _score(61.0, 60.0, 0.01, less_is_better=True)}
    assert _sentence(scores).endswith("; but TER speaks for B (p = 0.010)")


def test_models_that_say_the_same_do_not_differ() -> None:
    for num_sentences in (3, 1000):
        verdict = judge(_A_AHEAD, num_sentences=num_sentences, num_same=num_sentences)
        assert verdict.better is None
        assert verdict.sentence == "no difference: they translate every sentence alike"


def test_of_few_sentences_nothing_is_said() -> None:
    verdict = judge(_A_AHEAD, num_sentences=99, num_same=0)
    assert verdict.better is None
    assert verdict.sentence == "too few sentences to judge by: 99, expected 100 or more"
    assert judge(_A_AHEAD, num_sentences=100, num_same=0).better == "a"
