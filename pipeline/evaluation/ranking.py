"""Whether a chatbot knows the real reply among 20: hits@1 of ConvAI2 (Dinan et al. 2019)."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.likelihood import candidate_log_probs
from pipeline.evaluation.reading import ContextReader
from pipeline.nn.seq2seq import Seq2Seq

NUM_CANDIDATES = 20
MAX_RANKED = 1000
NUM_OTHER_CONTEXTS = 8
_SEED = 0


@dataclass(frozen=True)
class Ranking:
    """Scores of candidates.

    Attributes:
        rows: Which pairs were ranked.
        scores: Of each candidate in nats, (N, C); the first column is the real reply's.
    """

    rows: list[int]
    scores: NDArray[np.float32]


def rank_replies(
    model: Seq2Seq | ContextReader,
    source_ids: Sequence[Sequence[int]],
    reply_ids: Sequence[Sequence[int]],
    *,
    batch_size: int,
    device: str = "cpu",
) -> Ranking:
    """Score the real reply and 19 others for each context, for 1,000 pairs at most.

    The pairs are evenly spaced in the split. The others are replies of these pairs that differ
    from the real one and from each other, drawn with a fixed seed; where there are not as many
    different replies, all of them. The score is the pointwise mutual information

        log P(reply | context) - log 1/K sum_k P(reply | context_k)

    over K = 8 contexts evenly spaced in the split, the same for all. The likelihood alone puts
    what is probable after anything first, and the short before the long (docs/chat.md).
    """
    rows = evenly_spaced(len(source_ids), MAX_RANKED)
    others = evenly_spaced(len(source_ids), NUM_OTHER_CONTEXTS)
    replies, candidates = draw_candidates([reply_ids[i] for i in rows])
    given_context = candidate_log_probs(
        model,
        [source_ids[i] for i in rows],
        replies,
        candidates,
        batch_size=batch_size,
        device=device,
    )
    given_others = candidate_log_probs(
        model,
        [source_ids[i] for i in others],
        replies,
        [range(len(replies))] * len(others),
        batch_size=batch_size,
        device=device,
    )
    anywhere = given_others.logsumexp(dim=0).numpy() - math.log(len(others))
    return Ranking(rows, given_context.numpy() - anywhere[np.array(candidates)])


def draw_candidates(
    real: Sequence[Sequence[int]],
) -> tuple[list[tuple[int, ...]], list[list[int]]]:
    """The different replies, and for each context which of them are its candidates.

    Args:
        real: The real reply of each context, whose position comes first among its candidates.
    """
    replies = list(dict.fromkeys(tuple(ids) for ids in real))
    position = {reply: i for i, reply in enumerate(replies)}
    draw = random.Random(_SEED)
    size = min(NUM_CANDIDATES, len(replies))
    candidates = []
    for ids in real:
        own = position[tuple(ids)]
        # One more than needed, for one of them may be the real reply.
        drawn = [other for other in draw.sample(range(len(replies)), size) if other != own]
        candidates.append([own, *drawn[: size - 1]])
    return replies, candidates


def evenly_spaced(num_rows: int, most: int) -> list[int]:
    """So many rows at most, from the first on."""
    size = min(num_rows, most)
    return [i * num_rows // size for i in range(size)]
