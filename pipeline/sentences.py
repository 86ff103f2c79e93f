"""What a translator reads of lines of text, and the text that it makes of ids. Imports no torch."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.hypothesis import Hypothesis
from pipeline.languages import Direction, choose_target
from pipeline.text import normalize
from pipeline.tokenizer import UNK_ID, Tokenizer
from pipeline.unknown_words import copy_unknown

_log = logging.getLogger(__name__)

Look = Callable[[Sequence[int], Sequence[int]], list[list[float]]]
"""From the ids of a source and of a target to where attention looks: for each token of the target a
weight for each id of the source, and one more for its EOS."""


class Sentence(NamedTuple):
    """A line that holds text: which one, the text, a tag, the ids as far as they are read."""

    line: int
    text: str
    tag_ids: list[int]
    text_ids: list[int]

    @property
    def ids(self) -> list[int]:
        """What the model reads."""
        return self.tag_ids + self.text_ids


class Candidate(NamedTuple):
    """A translation and what the beam search judged it by; see `beam_search`."""

    text: str
    score: float


def tag_before(
    tokenizer: Tokenizer,
    directions: Sequence[Direction],
    target_language: str | None,
    *,
    model: str,
) -> list[int]:
    """The ids that go before those of a source: the tag of the target language, or none.

    Args:
        tokenizer: Of the source.
        directions: Those of the model.
        target_language: Need not be given where there is one only.
        model: What the error calls it.

    Raises:
        ConfigError: It is none that the model translates into, or has to be given.
    """
    language = choose_target(directions, target_language, called=f"{model}: target_language")
    return [tokenizer.tag_id(language)] if tokenizer.languages else []


def read_sentences(
    lines: Sequence[str], tokenizer: Tokenizer, *, tag_ids: list[int], max_tokens: int
) -> list[Sentence]:
    """The lines that hold text; a longer one than `max_tokens` is cut, with a warning."""
    texts = [normalize(line) for line in lines]
    return [
        Sentence(i, text, tag_ids, _ids(text, tokenizer, max_tokens))
        for i, text in enumerate(texts)
        if text
    ]


def target_text(
    sentence: Sentence,
    target_ids: Sequence[int],
    look: Look,
    *,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
) -> str:
    """The text of a translation; what it could not spell is copied, see `copy_unknown`."""
    if UNK_ID not in target_ids:
        return normalize(target_tokenizer.decode(target_ids))
    num_tags = len(sentence.tag_ids)
    text = copy_unknown(
        sentence.text,
        target_ids,
        [weights[num_tags:-1] for weights in look(sentence.ids, target_ids)],  # neither tag nor EOS
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
    )
    return normalize(text)


def best_candidates(texts: Sequence[str], nbest: Sequence[Hypothesis]) -> list[Candidate]:
    """The texts of hypotheses that stand the best first, each once: pieces may spell it twice."""
    scores: dict[str, float] = {}
    for text, hypothesis in zip(texts, nbest, strict=True):
        assert hypothesis.score is not None
        scores.setdefault(text, hypothesis.score)
    return list(map(Candidate, scores, scores.values()))


def _ids(text: str, tokenizer: Tokenizer, max_tokens: int) -> list[int]:
    ids = tokenizer.encode(text)
    if len(ids) > max_tokens:
        _log.warning(
            "only the first %d of %s pieces are translated of the line '%s…'",
            max_tokens,
            f"{len(ids):,}",
            text[:40],
        )
    return ids[:max_tokens]
