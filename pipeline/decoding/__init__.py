"""Decoding: from a model's next-token logits to hypotheses. Knows two methods, `encode` and `step`.

greedy    the most probable token at each step
sampling  a token drawn from the distribution, sharpened or cut off
beam      the most probable hypothesis among several kept side by side, or in diverse groups
rules     what may follow, given what was generated
scoring   how probable given targets are
"""

from pipeline.decoding.batched import Search, decode_all, search_best
from pipeline.decoding.beam import beam_search
from pipeline.decoding.encoded import EncodedSource
from pipeline.decoding.greedy import greedy_search, stream_tokens
from pipeline.decoding.protocol import Hypothesis, LengthLimit
from pipeline.decoding.rules import (
    MinLength,
    NoRepeatContextNgram,
    NoRepeatNgram,
    RepetitionPenalty,
    Rule,
)
from pipeline.decoding.sampling import Sampler
from pipeline.decoding.scoring import score_targets

__all__ = [
    "EncodedSource",
    "Hypothesis",
    "LengthLimit",
    "MinLength",
    "NoRepeatContextNgram",
    "NoRepeatNgram",
    "RepetitionPenalty",
    "Rule",
    "Sampler",
    "Search",
    "beam_search",
    "decode_all",
    "greedy_search",
    "score_targets",
    "search_best",
    "stream_tokens",
]
