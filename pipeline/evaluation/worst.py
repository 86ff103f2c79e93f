"""The translations that are least like their references: where to look first."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline import metrics
from pipeline.evaluation.corpus import Pairs


@dataclass(frozen=True)
class JudgedSentence:
    """A translation beside its reference.

    Attributes:
        chrf: chrF2 of this sentence, 0 to 100.
        source: What was translated.
        reference: What it should be.
        hypothesis: What the model says.
    """

    chrf: float
    source: str
    reference: str
    hypothesis: str


def worst_translations(pairs: Pairs, hypotheses: Sequence[str], num: int) -> list[JudgedSentence]:
    """The `num` sentences of the least chrF2, the worst first."""
    scores = metrics.sentence_chrf(hypotheses, pairs.references)
    judged = map(JudgedSentence, scores, pairs.sources, pairs.references, hypotheses)
    return sorted(judged, key=lambda sentence: sentence.chrf)[:num]
