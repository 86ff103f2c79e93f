"""Sentences that two translators translate differently, and bins of sentences like in length."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline import metrics
from pipeline.evaluation.corpus import Pairs


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence and both translations.

    Attributes:
        source: What was translated.
        reference: What was expected.
        a: What model A wrote.
        b: What model B wrote.
        chrf_a: Of model A's translation by itself, 0 to 100.
        chrf_b: The same of model B's.
    """

    source: str
    reference: str
    a: str
    b: str
    chrf_a: float
    chrf_b: float

    @property
    def difference(self) -> float:
        """ChrF of A less that of B."""
        return self.chrf_a - self.chrf_b


def side_by_side(
    pairs: Pairs, hypotheses_a: Sequence[str], hypotheses_b: Sequence[str]
) -> list[Sentence]:
    """All sentences, in the order of the pairs."""
    columns = zip(
        pairs.sources,
        pairs.references,
        hypotheses_a,
        hypotheses_b,
        metrics.sentence_chrf(hypotheses_a, pairs.references),
        metrics.sentence_chrf(hypotheses_b, pairs.references),
        strict=True,
    )
    return [
        Sentence(source=source, reference=reference, a=a, b=b, chrf_a=chrf_a, chrf_b=chrf_b)
        for source, reference, a, b, chrf_a, chrf_b in columns
    ]


def most_different(sentences: Sequence[Sentence], num: int) -> list[Sentence]:
    """Those where A is most ahead, half of them, then those where B is; the largest gap first."""
    ranked = sorted(sentences, key=lambda sentence: -sentence.difference)
    ahead = [sentence for sentence in ranked if sentence.difference > 0]
    behind = [sentence for sentence in reversed(ranked) if sentence.difference < 0]
    return ahead[: num - num // 2] + behind[: num // 2]


def equal_bins(sizes: Sequence[int], *, most_bins: int, least: int) -> list[list[int]]:
    """Positions in bins of about equal numbers, by size; equal sizes share a bin.

    Args:
        sizes: Of each item.
        most_bins: Bins at most; fewer where many sizes are equal.
        least: Items in a bin, about, if there are as many.
    """
    num_bins = max(1, min(most_bins, len(sizes) // least))
    ordered = sorted(sizes)
    # The largest size of each bin.
    edges = sorted({ordered[len(ordered) * (k + 1) // num_bins - 1] for k in range(num_bins)})
    bins: list[list[int]] = [[] for _ in edges]
    for position, size in enumerate(sizes):
        bins[bisect.bisect_left(edges, size)].append(position)
    return bins
