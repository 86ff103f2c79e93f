"""Hypotheses and likelihoods of a whole corpus against its references."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sacrebleu

from pipeline.metrics.bleu_protocol import CASED_13A, BleuProtocol

_LARGEST_EXPONENT = 700.0
"""Of a float; an untrained model and a text without spaces come to more."""


@dataclass(frozen=True)
class Score:
    """A score, 0 to 100 unless said otherwise, and how it was computed (sacreBLEU's signature)."""

    value: float
    signature: str


def bleu(
    hypotheses: Sequence[str], references: Sequence[str], *, protocol: BleuProtocol = CASED_13A
) -> Score:
    """Corpus BLEU (Papineni et al. 2002), cased unless the protocol says otherwise."""
    return _corpus_score(protocol.metric(), hypotheses, references)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """Corpus chrF (Popović 2015): F-score of character n-grams, which suits Korean."""
    return _corpus_score(sacrebleu.CHRF(), hypotheses, references)


def ter(hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """Corpus TER (Snover et al. 2006): edits for 100 words of the references; less is better.

    An edit inserts, deletes or replaces a word, or moves a run of words. The words are what spaces
    part, lowercased, which is sacreBLEU's default. There can be more edits than words, so that it
    can exceed 100.
    """
    return _corpus_score(sacrebleu.TER(), hypotheses, references)


def sentence_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """BLEU of each sentence by itself, 0 to 100, of as many orders of n-grams as it has words.

    An order without a match counts as half a match, the next such as a quarter (sacreBLEU's `exp`).
    """
    metric = sacrebleu.BLEU(effective_order=True)
    pairs = zip(hypotheses, references, strict=True)
    return [metric.sentence_score(h, [r]).score for h, r in pairs]


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """ChrF of each sentence by itself, 0 to 100."""
    metric = sacrebleu.CHRF()
    pairs = zip(hypotheses, references, strict=True)
    return [metric.sentence_score(h, [r]).score for h, r in pairs]


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


def _corpus_score(
    metric: sacrebleu.BLEU | sacrebleu.CHRF | sacrebleu.TER,
    hypotheses: Sequence[str],
    references: Sequence[str],
) -> Score:
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score(score, str(metric.get_signature()))
