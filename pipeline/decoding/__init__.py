"""Decoding: from a model's next-token logits to hypotheses. Knows two methods, `encode` and `step`.

greedy    the most probable token at each step
sampling  a token drawn from the distribution, sharpened or cut off
beam      the most probable hypothesis among several kept side by side, or in diverse groups
rules     what may follow, given what was generated
scoring   how probable given targets are
alignment where the model looks while it writes them
ensemble  several models as one
grid      beam search for hypotheses that hold given tokens (constraints)
"""

from pipeline.decoding.alignment import attention_along
from pipeline.decoding.batched import Search, decode_all, search_best
from pipeline.decoding.beam import beam_search
from pipeline.decoding.constraints import Constraint
from pipeline.decoding.encoded import EncodedSource
from pipeline.decoding.ensemble import Ensemble
from pipeline.decoding.greedy import greedy_search, stream_tokens
from pipeline.decoding.grid import Constrained, decode_constrained, grid_beam_search
from pipeline.decoding.protocol import LengthLimit, Model
from pipeline.decoding.rules import (
    MinLength,
    NoRepeatContextNgram,
    NoRepeatNgram,
    RepetitionPenalty,
    Rule,
)
from pipeline.decoding.sampling import Sampler
from pipeline.decoding.scoring import score_targets
from pipeline.hypothesis import Hypothesis
from pipeline.search_settings import SearchSettings

__all__ = [
    "Constrained",
    "Constraint",
    "EncodedSource",
    "Ensemble",
    "Hypothesis",
    "LengthLimit",
    "MinLength",
    "Model",
    "NoRepeatContextNgram",
    "NoRepeatNgram",
    "RepetitionPenalty",
    "Rule",
    "Sampler",
    "Search",
    "SearchSettings",
    "attention_along",
    "beam_search",
    "decode_all",
    "decode_constrained",
    "greedy_search",
    "grid_beam_search",
    "score_targets",
    "search_best",
    "stream_tokens",
]
