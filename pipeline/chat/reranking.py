"""The best of several replies by maximum mutual information (Li et al. 2016).

The likeliest replies are those that suit any message. What a reply and the message tell of each
other is what a reply to this message has more of: log P(T|S) + w log P(S|T) (their equation 13,
MMI-bidi), or log P(T|S) - w log P(T) (their equation 9, MMI-antiLM).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.batch import collate_sources
from pipeline.context import clean_turn
from pipeline.decoding import EncodedSource, score_targets
from pipeline.errors import ModelError
from pipeline.model_folder import TrainedModel


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A reply that might be given.

    Attributes:
        text: What would be said.
        token_ids: Its tokens, without EOS.
        log_prob: log P(reply | what the model read) in nats, EOS counted.
        score: What candidates are ranked by, in nats a token; the higher the better.
    """

    text: str
    token_ids: tuple[int, ...]
    log_prob: float
    score: float


class Reranker:
    """Scores replies by what they and the message tell of each other.

    Where the paper adds the logarithms and rewards length, each is divided by the tokens it
    speaks of, EOS counted, as beam search does: then no reply is better for being short, and a
    weight means the same after messages of any length.

    Args:
        trained: The chat model.
        reverse: A chat model from reply to message, on the same device; without it, log P(T) is
            that of the chat model after an empty source.

    Raises:
        ModelError: The reverse model is not one for chat.
    """

    def __init__(self, trained: TrainedModel, reverse: TrainedModel | None = None) -> None:
        if reverse is not None and reverse.task != "chat":
            raise ModelError(
                f"{reverse.name}: a model for {reverse.task}; expected chat, from reply to message"
            )
        self._trained = trained
        self._reverse = reverse

    def rerank(
        self,
        source: EncodedSource[Any],
        message: str,
        replies: Sequence[tuple[str, Sequence[int]]],
        *,
        weight: float,
    ) -> list[Candidate]:
        """The replies, text and tokens, as candidates: the best first.

        Args:
            source: What the chat model has read.
            message: The last message alone, which the reverse model is to guess.
            replies: What might be said; not empty.
            weight: w; 0 ranks by log P(T|S) alone.
        """
        token_ids = [ids for _, ids in replies]
        log_probs = score_targets(source, *source.rows(len(replies)), token_ids)
        lengths = torch.tensor([len(ids) + 1 for ids in token_ids], device=log_probs.device)
        scores = log_probs / lengths
        if weight and self._reverse is not None:
            scores += weight * self._log_prob_of_message(message, [text for text, _ in replies])
        elif weight:
            ids, length = (each.to(scores.device) for each in collate_sources([[]]))
            nothing = EncodedSource(self._trained.model, ids, length)
            prior = score_targets(nothing, *nothing.rows(len(replies)), token_ids)
            scores -= weight * prior / lengths
        candidates = [
            Candidate(text=text, token_ids=tuple(ids), log_prob=log_prob, score=score)
            for (text, ids), log_prob, score in zip(
                replies, log_probs.tolist(), scores.tolist(), strict=True
            )
        ]
        return sorted(candidates, key=lambda candidate: candidate.score, reverse=True)

    def _log_prob_of_message(self, message: str, replies: Sequence[str]) -> torch.Tensor:
        """Log P(S|T) a token, (N)."""
        assert self._reverse is not None
        model = self._reverse.model
        source_tokenizer = self._reverse.source_tokenizer
        sources = [source_tokenizer.encode(clean_turn(reply)) for reply in replies]
        ids, lengths = (each.to(model.output_bias.device) for each in collate_sources(sources))
        target = self._reverse.target_tokenizer.encode(clean_turn(message))
        return score_targets(model, ids, lengths, [target] * len(replies)) / (len(target) + 1)
