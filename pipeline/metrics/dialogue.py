"""What replies are like, where no single reference tells whether one is good (docs/chat.md).

Words are what spaces part: in Korean that is an eojeol, punctuation included.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_TINY = np.finfo(np.float32).tiny


def distinct(texts: Sequence[str], n: int) -> float:
    """Distinct-n (Li et al. 2016): share of different n-grams of words among all, 0 to 1."""
    counts = Counter(ngram for text in texts for ngram in _ngrams(text, n))
    return len(counts) / max(1, counts.total())


def mean_length(replies: Sequence[str]) -> float:
    """Words of a reply."""
    return sum(len(reply.split()) for reply in replies) / max(1, len(replies))


def top_reply_share(replies: Sequence[str], n: int) -> float:
    """Share of the replies that are one of the n most frequent ones, 0 to 1; of n it is 1."""
    most_frequent = Counter(replies).most_common(n)
    return sum(count for _, count in most_frequent) / max(1, len(replies))


def repetition(replies: Sequence[str], n: int) -> float:
    """Rep-n (seq-rep-n of Welleck et al. 2020), 0 to 1, the mean over the replies.

    1 - unique n-grams / n-grams within a reply; 0 where it has fewer than n words.
    """
    return sum(map(_repetition, (_ngrams(reply, n) for reply in replies))) / max(1, len(replies))


def relevance(reply_vectors: NDArray[np.float32], reference_vectors: NDArray[np.float32]) -> float:
    """Embedding average (Liu et al. 2016), centred; -1 to 1.

    The mean over the pairs of the cosine between reply and reference, after the mean of the
    references has been taken from both: what all sentences share would put every cosine near 1.
    A vector of zeros is a text without tokens; its cosine counts as 0.

    Args:
        reply_vectors: Of each reply, the mean of its tokens' vectors, (N, E).
        reference_vectors: The same of its reference, (N, E).
    """
    num_references = np.count_nonzero(reference_vectors.any(axis=1))
    centre = reference_vectors.sum(axis=0) / max(1, num_references)
    is_filled = reply_vectors.any(axis=1) & reference_vectors.any(axis=1)
    replies = reply_vectors[is_filled] - centre
    references = reference_vectors[is_filled] - centre
    norms = np.linalg.norm(replies, axis=1) * np.linalg.norm(references, axis=1)
    cosines = (replies * references).sum(axis=1) / np.maximum(norms, _TINY)
    return float(cosines.sum()) / len(reply_vectors)


def hits_at_1(scores: NDArray[np.float32]) -> float:
    """Share of rows whose first candidate, the real one, scores above all others, 0 to 1.

    A tie is a miss: what cannot tell candidates apart has not found the real one.

    Args:
        scores: Of each candidate for each context, (N, C).
    """
    return float((scores[:, :1] > scores[:, 1:]).all(axis=1).mean())


def _ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    words = text.split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _repetition(ngrams: Sequence[tuple[str, ...]]) -> float:
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0
