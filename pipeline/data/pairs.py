"""Rows of any corpus → pairs of normalised text, in the columns `source` and `target`."""

import functools
import logging
from collections.abc import Callable, Sequence

import datasets

from pipeline.context import MAX_TURNS, clean_turns, last_turn
from pipeline.data.cache import Batch, fingerprint, fingerprint_of, mapped_once
from pipeline.data.config import DataConfig
from pipeline.data.dialogue import dialogue_pairs
from pipeline.data.multilingual import pairs_of_directions
from pipeline.languages import Direction
from pipeline.text import normalize_all

_log = logging.getLogger(__name__)
_FEATURES = datasets.Features(
    {"source": datasets.Value("string"), "target": datasets.Value("string")}
)


def text_pairs(
    rows: datasets.Dataset,
    config: DataConfig,
    *,
    max_turns: int | None = MAX_TURNS,
    direction: Direction | None = None,
) -> datasets.Dataset:
    """Pairs in the order of the rows; a row with a dialogue gives one for each response in it.

    Of several languages a row gives a pair for each direction that it has both sentences of, or
    only that of `direction`.

    Of what was said before a response, the last `max_turns` turns are its source; None is no limit.
    With `config.reverse` a reply is the source, and the message that it answers the target.
    The target of a classifier is its label, and a language model has its text on both sides.

    Returns:
        A dataset with exactly the columns `source` and `target`, normalised text both, and of
        several languages `target_language`. Sides can be empty where the rows are. Rows whose label
        is not of `config.labels` are left out.
    """
    if config.is_multilingual:
        return pairs_of_directions(rows, [direction] if direction else config.directions)
    source, target = config.direction
    dialogue = config.dialogue
    if config.task == "language_model":
        source = target  # what is read is what is predicted, a token later
    if dialogue is not None:
        function = functools.partial(
            _turns_to_pairs, dialogue=dialogue, max_turns=max_turns, reverse=config.reverse
        )
    else:
        # A chat model meets a single message as a conversation of one turn.
        clean = clean_turns if config.is_chat else normalize_all
        function = functools.partial(
            _sides_to_pairs,
            source=target if config.reverse else source,
            target=source if config.reverse else target,
            clean=clean,
            labels=config.labels,
        )
    columns = [source, target, dialogue]
    key = fingerprint(
        fingerprint_of(rows),
        "pairs",
        columns,
        config.is_chat,
        config.reverse,
        config.labels,
        max_turns,
    )
    pairs = mapped_once(rows, function, key=key, features=_FEATURES, description="Reading pairs")
    if config.labels is not None and len(pairs) < len(rows):
        _log.info("%s rows with other labels are left out", f"{len(rows) - len(pairs):,}")
    return pairs


def _sides_to_pairs(
    batch: Batch,
    *,
    source: str,
    target: str,
    clean: Callable[[Sequence[str]], list[str]],
    labels: Sequence[str] | None,
) -> Batch:
    sources, targets = clean(batch[source]), clean(batch[target])
    if labels is not None:
        kept = [i for i, target in enumerate(targets) if target in labels]
        sources, targets = [sources[i] for i in kept], [targets[i] for i in kept]
    return {"source": sources, "target": targets}


def _turns_to_pairs(batch: Batch, *, dialogue: str, max_turns: int | None, reverse: bool) -> Batch:
    pairs = [pair for said in batch[dialogue] for pair in dialogue_pairs(said, max_turns=max_turns)]
    if reverse:
        pairs = [(reply, last_turn(context)) for context, reply in pairs]
    return {"source": [pair[0] for pair in pairs], "target": [pair[1] for pair in pairs]}
