"""Hypotheses and likelihoods of a whole corpus against its references."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sacrebleu

_LARGEST_EXPONENT = 700.0
"""Of a float; an untrained model and a text without spaces come to more."""

BleuTokenizer = Literal["13a", "char", "ko-mecab", "none"]


@dataclass(frozen=True)
class Score:
    """A score from 0 to 100 and how it was computed (sacreBLEU's signature)."""

    value: float
    signature: str


def bleu(
    hypotheses: Sequence[str], references: Sequence[str], *, tokenizer: BleuTokenizer = "13a"
) -> Score:
    """Corpus BLEU (Papineni et al. 2002) of cased text, by sacreBLEU (Post 2018).

    The text is expected to be detokenised. Of one that is not, sacreBLEU would warn, which `force`
    keeps it from: the corpus is the user's, and the warning would come with every group of lengths.
    """
    metric = sacrebleu.BLEU(tokenize=tokenizer, force=True)
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score(score, str(metric.get_signature()))


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """Corpus chrF (Popović 2015): F-score of character n-grams, which suits Korean."""
    metric = sacrebleu.CHRF()
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score(score, str(metric.get_signature()))


def perplexity_per_word(nats_sum: float, references: Sequence[str]) -> float:
    """Exp of the nats a word, the end of the sentence counting as one, whatever the pieces are."""
    num_words = sum(len(text.split()) + 1 for text in references)
    return math.exp(min(nats_sum / num_words, _LARGEST_EXPONENT))


def bits_per_character(nats_sum: float, references: Sequence[str]) -> float:
    """Bits a character (Unicode code point), the end of the sentence counting as one."""
    num_characters = sum(len(text) + 1 for text in references)
    return nats_sum / math.log(2) / num_characters


def scores_by_label(
    hypotheses: Sequence[str], references: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 (0 to 1; 0 where undefined) of each label, and how often it occurs.

    The labels are those of the references and of the hypotheses, as scikit-learn's are.
    """
    right = Counter(h for h, r in zip(hypotheses, references, strict=True) if h == r)
    chosen, there = Counter(hypotheses), Counter(references)
    return {
        label: {
            "precision": right[label] / max(1, chosen[label]),
            "recall": right[label] / max(1, there[label]),
            "f1": 2 * right[label] / (chosen[label] + there[label]),
            "num_sentences": there[label],
        }
        for label in sorted(there | chosen)
    }


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Share of hypotheses that equal their reference, 0 to 1."""
    pairs = zip(hypotheses, references, strict=True)
    return sum(h == r for h, r in pairs) / max(1, len(references))
