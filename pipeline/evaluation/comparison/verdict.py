"""What a comparison comes to, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.metrics import PairedScore

METRIC_NAMES = {"bleu": "BLEU", "chrf": "chrF2", "ter": "TER"}
"""As they are printed."""

_LARGEST_P = 0.025
"""Half of the usual 0.05, because sacreBLEU's p-value is in effect one-sided (`paired_bootstrap`):
so one in twenty pairs of equally good models is said to differ, as readers will suppose."""

_FEWEST_SENTENCES = 100
"""Of fewer, resampling finds differences too often where there are none (`docs/experiments.md`)."""

Model = Literal["a", "b"]


@dataclass(frozen=True)
class Verdict:
    """Which model is better, None if that cannot be said, and the sentence that says so."""

    better: Model | None
    sentence: str


def judge(scores: Mapping[str, PairedScore], *, num_sentences: int, num_same: int) -> Verdict:
    """Decide by BLEU alone, and name the metrics that speak for another model than it does.

    Args:
        scores: By metric: `bleu`, `chrf`, `ter`.
        num_sentences: How many there are.
        num_same: How many of them the models translate alike.
    """
    if num_same == num_sentences:
        return Verdict(None, "no difference: they translate every sentence alike")
    if num_sentences < _FEWEST_SENTENCES:
        return Verdict(
            None,
            f"too few sentences to judge by: {num_sentences}, expected {_FEWEST_SENTENCES} or more",
        )
    bleu = scores["bleu"]
    better = _better(bleu)
    ahead = "A" if bleu.difference > 0 else "B"
    gap = f"+{abs(bleu.difference):.2f} BLEU, p = {bleu.p_value:.3f}"
    if better is not None:
        sentence = f"{ahead} is better: {gap}"
    elif bleu.difference != 0:
        sentence = f"no difference that this test set can show: {ahead} {gap}"
    else:
        sentence = "no difference that this test set can show: the same BLEU"
    dissenting = [
        f"{METRIC_NAMES[name]} speaks for {other.upper()} (p = {score.p_value:.3f})"
        for name, score in scores.items()
        if (other := _better(score)) is not None and other != better
    ]
    return Verdict(better, "; but ".join([sentence, *dissenting]))


def _better(score: PairedScore) -> Model | None:
    if score.p_value > _LARGEST_P:
        return None
    return "a" if (score.difference > 0) != score.less_is_better else "b"
