"""What the settings of a chat mean to a search."""

from collections.abc import Sequence

import torch

from pipeline.chat.settings import ChatSettings
from pipeline.decoding import (
    LengthLimit,
    MinLength,
    NoRepeatContextNgram,
    NoRepeatNgram,
    RepetitionPenalty,
    Rule,
    Sampler,
)


def build_limit(settings: ChatSettings) -> LengthLimit:
    """How long a reply may become."""
    return LengthLimit(ratio=0.0, extra=settings.max_tokens)


def build_sampler(settings: ChatSettings, generator: torch.Generator) -> Sampler:
    """How the next token is chosen.

    Raises:
        ConfigError: A setting is outside of its range.
    """
    return Sampler(
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
        min_p=settings.min_p,
        generator=generator,
    )


def build_rules(settings: ChatSettings, context_ids: Sequence[int]) -> list[Rule]:
    """What may follow in a reply; none with the defaults.

    Args:
        settings: How replies are generated.
        context_ids: The conversation so far, in ids of the vocabulary of replies.
    """
    rules: list[Rule] = []
    if settings.repetition_penalty > 1:
        rules.append(RepetitionPenalty(settings.repetition_penalty, context_ids))
    if settings.no_repeat_ngram:
        rules.append(NoRepeatNgram(settings.no_repeat_ngram))
    if settings.no_repeat_context_ngram:
        rules.append(NoRepeatContextNgram(settings.no_repeat_context_ngram, context_ids))
    if settings.min_tokens:
        rules.append(MinLength(settings.min_tokens))
    return rules
