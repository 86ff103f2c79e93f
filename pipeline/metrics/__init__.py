"""Scores of a whole split: pure functions of texts and numbers.

corpus          hypotheses against references: BLEU, chrF, TER, likelihood, labels
bleu_protocol   how BLEU parts the text into tokens, and whether case counts
significance    two systems' hypotheses against the same references: paired bootstrap resampling
rare_words      which of the references' words are found, by how often training saw them
neural          COMET, where it is installed
dialogue        what replies are like: how varied, how long, how repetitive, how relevant
"""

from pipeline.metrics.bleu_protocol import CASED_13A, BleuProtocol, BleuTokenizer
from pipeline.metrics.corpus import (
    Score,
    bits_per_character,
    bleu,
    chrf,
    exact_match,
    perplexity_per_word,
    scores_by_label,
    sentence_bleu,
    sentence_chrf,
    ter,
)
from pipeline.metrics.dialogue import (
    distinct,
    hits_at_1,
    mean_length,
    relevance,
    repetition,
    top_reply_share,
)
from pipeline.metrics.neural import CometScorer, load_comet
from pipeline.metrics.rare_words import FrequencyBin, recall_by_frequency, word_counts
from pipeline.metrics.significance import PairedScore, Resampled, paired_bootstrap

__all__ = [
    "CASED_13A",
    "BleuProtocol",
    "BleuTokenizer",
    "CometScorer",
    "FrequencyBin",
    "PairedScore",
    "Resampled",
    "Score",
    "bits_per_character",
    "bleu",
    "chrf",
    "distinct",
    "exact_match",
    "hits_at_1",
    "load_comet",
    "mean_length",
    "paired_bootstrap",
    "perplexity_per_word",
    "recall_by_frequency",
    "relevance",
    "repetition",
    "scores_by_label",
    "sentence_bleu",
    "sentence_chrf",
    "ter",
    "top_reply_share",
    "word_counts",
]
