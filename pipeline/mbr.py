"""Minimum Bayes risk: of several translations the one that is most like all the others.

Kumar and Byrne (2004); with translations drawn from the model, so that they stand for what it
finds probable as a whole, Eikema and Aziz (2020). What two translations have in common is chrF
(Popović 2015), which sees parts of words. It is counted here and not by sacreBLEU, which takes
its n-grams again for each pair, and which `translate` would wait for.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ORDER = 6
_BETA = 2


def least_risk(texts: Sequence[str]) -> int:
    """The place of the text with the highest mean chrF to the others; of equals the first.

    A text that was drawn twice counts twice among the others.
    """
    return int(mean_chrf(texts).argmax())


def mean_chrf(texts: Sequence[str]) -> NDArray[np.float64]:
    """Of each text the mean chrF (0 to 100) that it has with each other text as the reference.

    Args:
        texts: At least two.
    """
    times = Counter(texts)
    different = list(times)
    scores = _pairwise_chrf(different)
    # Each as often as it was drawn, but once less itself.
    sums = scores @ np.array(list(times.values())) - scores.diagonal()
    means = dict(zip(different, sums / (len(texts) - 1), strict=True))
    return np.array([means[text] for text in texts])


def _pairwise_chrf(texts: Sequence[str]) -> NDArray[np.float64]:
    """SacreBLEU's `sentence_chrf` with its defaults: a row a hypothesis, a column a reference."""
    counts, orders = _ngram_counts(["".join(text.split()) for text in texts])
    totals = counts @ orders  # (N, orders)
    scores = np.zeros((len(texts), len(texts)))
    for i, (row, total) in enumerate(zip(counts, totals, strict=True)):
        (columns,) = row.nonzero()
        matches = np.minimum(row[columns], counts[:, columns]) @ orders[columns]
        # Only of the orders that both are long enough for.
        is_in_both = (total > 0) & (totals > 0)
        num_orders = np.maximum(is_in_both.sum(axis=1), 1)
        precision = (matches / np.maximum(total, 1)).sum(axis=1, where=is_in_both) / num_orders
        recall = (matches / np.maximum(totals, 1)).sum(axis=1, where=is_in_both) / num_orders
        norm = _BETA**2 * precision + recall
        np.divide(100 * (1 + _BETA**2) * precision * recall, norm, out=scores[i], where=norm > 0)
    return scores


def _ngram_counts(texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How often each text (row) has each n-gram (column), and which order each n-gram is of."""
    counted = [
        Counter(text[i : i + n] for n in range(1, _ORDER + 1) for i in range(len(text) - n + 1))
        for text in texts
    ]
    columns = {
        ngram: column
        for column, ngram in enumerate(
            dict.fromkeys(ngram for ngrams in counted for ngram in ngrams)
        )
    }
    counts = np.zeros((len(texts), len(columns)), dtype=np.float32)
    for row, ngrams in zip(counts, counted, strict=True):
        row[[columns[ngram] for ngram in ngrams]] = list(ngrams.values())
    orders = np.zeros((len(columns), _ORDER), dtype=np.float32)
    for ngram, column in columns.items():
        orders[column, len(ngram) - 1] = 1
    return counts, orders
