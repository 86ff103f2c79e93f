"""Scores of a whole split: pure functions of texts and numbers.

corpus    hypotheses against references: BLEU, chrF, likelihood, labels
dialogue  what replies are like: how varied, how long, how repetitive, how relevant
"""

from pipeline.metrics.corpus import (
    BleuTokenizer,
    Score,
    bits_per_character,
    bleu,
    chrf,
    exact_match,
    perplexity_per_word,
    scores_by_label,
)
from pipeline.metrics.dialogue import (
    distinct,
    hits_at_1,
    mean_length,
    relevance,
    repetition,
    top_reply_share,
)

__all__ = [
    "BleuTokenizer",
    "Score",
    "bits_per_character",
    "bleu",
    "chrf",
    "distinct",
    "exact_match",
    "hits_at_1",
    "mean_length",
    "perplexity_per_word",
    "relevance",
    "repetition",
    "scores_by_label",
    "top_reply_share",
]
