"""Why a reply is what it is: how probable each piece was, and what the decoder looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.decoding import EncodedSource
from pipeline.tokenizer import BOS_ID, EOS_ID, TURN_ID, Tokenizer

_NUM_ATTENDED = 3
_LEAST_WEIGHT = 0.1
_MEMORY, _END = "(memory)", "(end)"


@dataclass(frozen=True, kw_only=True)
class PieceExplanation:
    """What is known of one piece of a reply.

    Attributes:
        text: The piece, `▁` where a word begins; `(end)` for EOS.
        probability: That the model itself gave it, 0 to 1.
        attended: The places with most attention, at most three: pieces of what was read,
            `(memory)`, `(end)`; and their weights. None without attention.
    """

    text: str
    probability: float
    attended: tuple[tuple[str, float], ...]


@torch.inference_mode()
def explain(
    source: EncodedSource[Any],
    token_ids: Sequence[int],
    *,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
) -> list[PieceExplanation]:
    """Go through a reply again, its end included.

    Args:
        source: What the model read, one row.
        token_ids: The reply, without EOS.
        source_tokenizer: Names what was read.
        target_tokenizer: Names what was said.
    """
    state = source.encode(*source.rows(1))
    places = _places(source, source_tokenizer, has_memory=state.memory is not None)
    explanations = []
    for given, following in zip([BOS_ID, *token_ids], [*token_ids, EOS_ID], strict=True):
        logits, state = source.step(torch.tensor([given], device=source.source_ids.device), state)
        attended: tuple[tuple[str, float], ...] = ()
        if state.attention_weights is not None:
            weights, indices = state.attention_weights[0].topk(min(_NUM_ATTENDED, len(places)))
            attended = tuple(
                (places[index], weight)
                for index, weight in zip(indices.tolist(), weights.tolist(), strict=True)
                if weight >= _LEAST_WEIGHT
            )
        piece = _END if following == EOS_ID else target_tokenizer.pieces([following])[0]
        probability = float(logits[0].float().softmax(dim=0)[following])
        explanations.append(
            PieceExplanation(text=piece, probability=probability, attended=attended)
        )
    return explanations


def _places(source: EncodedSource[Any], tokenizer: Tokenizer, *, has_memory: bool) -> list[str]:
    """What attention can look at, in its order."""
    ids = source.source_ids[0].tolist()[:-1]
    if has_memory and TURN_ID in ids:  # of several turns, the words of the last one alone
        ids = ids[len(ids) - ids[::-1].index(TURN_ID) :]
    return [*([_MEMORY] if has_memory else []), *tokenizer.pieces(ids), _END]
