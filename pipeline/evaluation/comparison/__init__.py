"""Two translators on the same sentences: which is better, where, and whether that can be known.

docs/judging.md says what each figure means and what it does not show.
"""

from pipeline.evaluation.comparison.models import (
    common_directions,
    training_targets,
    was_split_alike,
)
from pipeline.evaluation.comparison.sentences import Sentence, most_different
from pipeline.evaluation.comparison.translations import (
    CometScores,
    TranslationComparison,
    compare_translations,
)
from pipeline.evaluation.comparison.verdict import METRIC_NAMES, Verdict, judge

__all__ = [
    "METRIC_NAMES",
    "CometScores",
    "Sentence",
    "TranslationComparison",
    "Verdict",
    "common_directions",
    "compare_translations",
    "judge",
    "most_different",
    "training_targets",
    "was_split_alike",
]
