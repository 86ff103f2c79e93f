"""What two chatbots say to the same contexts, in an order that does not tell which is which."""

import random
from dataclasses import dataclass
from typing import Literal

from pipeline.chat import ChatSettings
from pipeline.errors import ConfigError
from pipeline.evaluation.chat import write_replies
from pipeline.evaluation.corpus import Pairs
from pipeline.model_folder import TrainedModel
from pipeline.tokenizer import TURN


@dataclass(frozen=True, kw_only=True)
class Item:
    """A context and what either model says to it.

    Attributes:
        turns: What was said, oldest first; the last turn is answered.
        a: The reply of model A.
        b: The reply of model B, another one.
        left: Which of them stands on the left.
    """

    turns: tuple[str, ...]
    a: str
    b: str
    left: Literal["a", "b"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a person is to judge.

    Attributes:
        model_a: The name of the first model, as it was given.
        model_b: That of the second.
        split: Where the contexts are from.
        seed: By which they were drawn, and the sides too.
        num_same: Contexts to which both models say the same: ties that nobody needs to look at.
        items: The others.
    """

    model_a: str
    model_b: str
    split: str
    seed: int
    num_same: int
    items: tuple[Item, ...]


def compare_replies(
    models: tuple[TrainedModel, TrainedModel],
    pairs: Pairs,
    *,
    names: tuple[str, str],
    num: int,
    settings: ChatSettings,
) -> Comparison:
    """Draw contexts, and let both models reply to them.

    Args:
        models: A and B, of the task `chat`.
        pairs: Where the contexts come from; the same context is taken once.
        names: What the result calls the models.
        num: Contexts, where there are as many.
        settings: How both reply; its seed also draws the contexts and the sides.

    Raises:
        ConfigError: The models say the same to every context.
    """
    draw = random.Random(settings.seed)
    contexts = [context for context in dict.fromkeys(pairs.sources) if context]
    contexts = draw.sample(contexts, min(num, len(contexts)))
    replies_a, replies_b = (
        write_replies(trained, contexts, settings=settings).hypotheses for trained in models
    )
    items = []
    for context, a, b in zip(contexts, replies_a, replies_b, strict=True):
        left: Literal["a", "b"] = "a" if draw.random() < 0.5 else "b"
        if a != b:
            turns = tuple(turn.strip() for turn in context.split(TURN))
            items.append(Item(turns=turns, a=a, b=b, left=left))
    if not items:
        raise ConfigError(
            f"{names[0]}, {names[1]}: expected models that differ; "
            f"they say the same to all of {len(contexts)} contexts"
        )
    return Comparison(
        model_a=names[0],
        model_b=names[1],
        split=pairs.split,
        seed=settings.seed,
        num_same=len(contexts) - len(items),
        items=tuple(items),
    )
