import logging
import random
from dataclasses import asdict

import pytest

from pipeline.metrics import BleuProtocol, bleu, chrf, paired_bootstrap, ter

_WORDS = [f"word{n}" for n in range(50)]
_METRICS = ["bleu", "chrf", "ter"]


def _sentences(num: int) -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.choices(_WORDS, k=draw.randint(6, 12))) for _ in range(num)]


def _garbled(sentences: list[str], *, share: float, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [
        " ".join(draw.choice(_WORDS) if draw.random() < share else word for word in text.split())
        for text in sentences
    ]


_REFERENCES = _sentences(80)
_GOOD = _garbled(_REFERENCES, share=0.2, seed=2)
_BAD = _garbled(_REFERENCES, share=0.5, seed=3)


def test_scores_are_those_of_the_corpus() -> None:
    scores = paired_bootstrap(_GOOD, _BAD, _REFERENCES)
    assert list(scores) == _METRICS
    for name, metric in zip(_METRICS, (bleu, chrf, ter), strict=True):
        a, b = metric(_GOOD, _REFERENCES), metric(_BAD, _REFERENCES)
        assert scores[name].a.score == pytest.approx(a.value)
        assert scores[name].b.score == pytest.approx(b.value)
        assert scores[name].difference == pytest.approx(a.value - b.value)
        assert "bs:1000|seed:12345|" in scores[name].signature
        assert a.signature == scores[name].signature.replace("bs:1000|seed:12345|", "")
    assert [name for name in scores if scores[name].less_is_better] == ["ter"]


@pytest.mark.parametrize("name", _METRICS)
def test_what_is_clearly_better_has_a_small_p_value(name: str) -> None:
    score = paired_bootstrap(_GOOD, _BAD, _REFERENCES)[name]
    assert score.p_value < 0.005
    assert (score.difference > 0) != score.less_is_better
    for of in (score.a, score.b):
        assert of.mean == pytest.approx(of.score, abs=of.interval / 4)
        assert 0 < of.interval < 10


@pytest.mark.parametrize("name", _METRICS)
def test_what_is_about_as_good_has_a_large_one(name: str) -> None:
    # Each is as good as the other in one half of the sentences, and as bad in the other half.
    half = len(_REFERENCES) // 2
    crossed = [*_GOOD[:half], *_BAD[half:]], [*_BAD[:half], *_GOOD[half:]]
    assert paired_bootstrap(*crossed, _REFERENCES)[name].p_value > 0.1


@pytest.mark.parametrize("name", _METRICS)
def test_a_system_does_not_differ_from_itself(name: str) -> None:
    score = paired_bootstrap(_GOOD, _GOOD, _REFERENCES)[name]
    assert (score.difference, score.p_value) == (0, 1)
    assert score.a == score.b


@pytest.mark.parametrize("name", _METRICS)
def test_the_other_order_mirrors_it(name: str) -> None:
    score = paired_bootstrap(_GOOD, _BAD, _REFERENCES)[name]
    other = paired_bootstrap(_BAD, _GOOD, _REFERENCES)[name]
    assert (other.a, other.b) == (score.b, score.a)
    assert other.p_value == score.p_value
    assert other.difference == -score.difference


def test_the_seed_is_that_of_sacrebleu(monkeypatch: pytest.MonkeyPatch) -> None:
    first = paired_bootstrap(_GOOD, _BAD, _REFERENCES)
    assert paired_bootstrap(_GOOD, _BAD, _REFERENCES) == first
    monkeypatch.setenv("SACREBLEU_SEED", "7")
    other = paired_bootstrap(_GOOD, _BAD, _REFERENCES)
    assert "|seed:7|" in other["bleu"].signature
    assert other["bleu"].a.score == first["bleu"].a.score
    assert other["bleu"].a.mean != first["bleu"].a.mean


def test_bleu_is_that_of_the_protocol() -> None:
    protocol = BleuProtocol("char", lowercase=True)
    loud = [text.upper() for text in _GOOD]
    scores = paired_bootstrap(loud, _BAD, _REFERENCES, protocol=protocol)
    assert scores["bleu"].a.score == bleu(_GOOD, _REFERENCES, protocol=protocol).value
    assert "case:lc|eff:no|tok:char" in scores["bleu"].signature


def test_nothing_is_said_meanwhile(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    tokenised = [f"{text} ." for text in _GOOD * 2]
    with caplog.at_level(logging.WARNING):
        paired_bootstrap(tokenised, tokenised, tokenised)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_values_are_plain_numbers() -> None:
    values = asdict(paired_bootstrap(_GOOD, _BAD, _REFERENCES)["chrf"])
    assert {type(value) for value in (*values["a"].values(), values["p_value"])} == {float}
