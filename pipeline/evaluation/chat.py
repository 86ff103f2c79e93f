"""Scores of a chatbot: what its replies are like, and whether it knows which reply fits.

docs/chat.md defines each measure and says what it does not show.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline import metrics
from pipeline.chat import ChatSession, ChatSettings
from pipeline.chat.generation import build_limit, build_rules, build_sampler
from pipeline.context import split_turns
from pipeline.decoding import Search, SearchSettings, greedy_search, search_best
from pipeline.errors import ConfigError
from pipeline.evaluation.corpus import Pairs
from pipeline.evaluation.generation import (
    GenerationScores,
    Written,
    encode_sources,
    generation_scores,
    write,
)
from pipeline.evaluation.likelihood import reference_nats
from pipeline.evaluation.ranking import Ranking, rank_replies
from pipeline.evaluation.reading import ContextReader
from pipeline.metrics import CASED_13A, BleuProtocol
from pipeline.model_folder import TrainedModel
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.text import normalize
from pipeline.tokenizer import TURN

LAST_TURN = 8
"""Turns from here on share a row of `by_turn`."""


@dataclass(frozen=True, kw_only=True)
class ChatScores(GenerationScores):
    """What a chat model scored; words are what spaces part.

    Attributes:
        distinct_3: Share of different word triples among those generated.
        mean_length: Words of a reply.
        top_10_reply_share: Share of the replies that are one of the ten most frequent, 0 to 1.
        rep_4: Share of 4-grams within a reply that it had said already, 0 to 1.
        relevance: Centred cosine of reply and reference, -1 to 1.
        hits_at_1: Share of contexts whose real reply ranks first among the candidates, 0 to 1.
        num_candidates: How many those are, the real one counted.
        num_ranked: For how many contexts.
        by_turn: `turn` (1 is the reply to the first message, 8 all from there on),
            `num_sentences`, `perplexity_per_word` and `hits_at_1`, which is None where no pair
            of that turn was ranked.
        settings: How the replies were generated.
    """

    distinct_3: float
    mean_length: float
    top_10_reply_share: float
    rep_4: float
    relevance: float
    hits_at_1: float
    num_candidates: int
    num_ranked: int
    by_turn: list[dict[str, Any]]
    settings: ChatSettings


def score_chat(
    trained: TrainedModel,
    pairs: Pairs,
    *,
    settings: ChatSettings | None = None,
    reverse: TrainedModel | None = None,
    beam_size: int = 1,
    batch_size: int = 64,
    protocol: BleuProtocol = CASED_13A,
    device: str = "cpu",
) -> ChatScores:
    """Reply to every context, and score the replies and what the model makes of the real ones.

    Args:
        trained: A model of the task `chat`.
        pairs: Contexts and the real replies; none is left out, but see `rank_replies`.
        settings: How replies are generated; where they are drawn, which ones also depends on
            `batch_size`.
        reverse: A model from reply to message, by which candidates are ranked.
        beam_size: 1 is greedy decoding, or sampling.
        batch_size: Contexts together.
        protocol: How BLEU is computed.
        device: Where it runs.

    Raises:
        ConfigError: A beam is asked for, and a temperature.
    """
    settings = settings or ChatSettings()
    written = write_replies(
        trained,
        pairs.sources,
        settings=settings,
        reverse=reverse,
        beam_size=beam_size,
        batch_size=batch_size,
        device=device,
    )
    model = trained.model
    source_ids = encode_sources(trained, pairs.sources)
    reader = _reader(trained, source_ids, batch_size)
    reference_ids = trained.target_tokenizer.encode_batch(pairs.references)
    ranking = rank_replies(reader, source_ids, reference_ids, batch_size=batch_size, device=device)
    turns = [turn_number(source) for source in pairs.sources]
    by_turn, nats, num_tokens = [], 0.0, 0
    for turn in sorted(set(turns)):
        rows = [i for i, other in enumerate(turns) if other == turn]
        turn_nats, turn_tokens = reference_nats(
            reader,
            [source_ids[i] for i in rows],
            [reference_ids[i] for i in rows],
            batch_size=batch_size,
            device=device,
        )
        nats, num_tokens = nats + turn_nats, num_tokens + turn_tokens
        references = [pairs.references[i] for i in rows]
        by_turn.append(
            {
                "turn": turn,
                "num_sentences": len(rows),
                "perplexity_per_word": metrics.perplexity_per_word(turn_nats, references),
                "hits_at_1": _hits_at_1(ranking, rows),
            }
        )
    scores = generation_scores(
        pairs,
        written,
        nats=nats,
        num_tokens=num_tokens,
        search=SearchSettings(beam_size=beam_size),
        protocol=protocol,
    )
    replies = written.hypotheses
    reply_ids = trained.target_tokenizer.encode_batch(replies)
    return ChatScores(
        **vars(scores),
        distinct_3=metrics.distinct(replies, 3),
        mean_length=metrics.mean_length(replies),
        top_10_reply_share=metrics.top_reply_share(replies, 10),
        rep_4=metrics.repetition(replies, 4),
        relevance=metrics.relevance(
            _mean_vectors(model, reply_ids), _mean_vectors(model, reference_ids)
        ),
        hits_at_1=metrics.hits_at_1(ranking.scores),
        num_candidates=ranking.scores.shape[1],
        num_ranked=len(ranking.rows),
        by_turn=by_turn,
        settings=settings,
    )


def write_replies(
    trained: TrainedModel,
    contexts: Sequence[str],
    *,
    settings: ChatSettings,
    reverse: TrainedModel | None = None,
    beam_size: int = 1,
    batch_size: int = 64,
    device: str = "cpu",
) -> Written:
    """Reply to each context as the settings say; see `score_chat`."""
    if not _suits_a_batch(settings):
        if beam_size > 1:
            raise ConfigError(
                "--beam-size: expected 1 where a setting looks at the conversation or at several "
                f"candidates, got {beam_size}"
            )
        session = ChatSession(trained, settings=settings, reverse=reverse, device=device)
        started = time.perf_counter()
        replies = [normalize(_reply(session, context)) for context in contexts]
        return Written(replies, time.perf_counter() - started)
    trained.model.to(device).eval()
    reader = _reader(trained, encode_sources(trained, contexts), batch_size)
    search = _search(reader, settings, beam_size, device)
    return write(trained, contexts, search, batch_size=batch_size, device=device)


def _suits_a_batch(settings: ChatSettings) -> bool:
    """Whether all rows can be searched alike."""
    return not (
        settings.looks_at_conversation or settings.num_candidates > 1 or settings.unsure_below
    )


def _reply(session: ChatSession, context: str) -> str:
    *earlier, message = split_turns(context)
    if len(earlier) % 2:
        earlier.insert(0, "")  # the bot spoke first
    session.restore(earlier)
    return session.reply(message)


def turn_number(context: str) -> int:
    """Which reply of the conversation follows: 1 after one message, `LAST_TURN` at most."""
    return min(context.count(TURN) + 1, LAST_TURN)


def _reader(
    trained: TrainedModel, source_ids: Sequence[Sequence[int]], batch_size: int
) -> Seq2Seq | ContextReader:
    if trained.model.memory is None:
        return trained.model
    return ContextReader(trained.model, source_ids, batch_size=batch_size)


def _search(
    model: Seq2Seq | ContextReader, settings: ChatSettings, beam_size: int, device: str
) -> Search:
    limit = build_limit(settings)
    rules = build_rules(settings, ())
    if settings.temperature == 0:
        return partial(search_best, model, beam_size=beam_size, limit=limit, rules=rules)
    if beam_size > 1:
        raise ConfigError(
            f"--beam-size: expected 1 where --temperature is above 0, got {beam_size}"
        )
    sampler = build_sampler(settings, torch.Generator(device).manual_seed(settings.seed))
    return partial(greedy_search, model, limit=limit, choose=sampler, rules=rules)


def _hits_at_1(ranking: Ranking, rows: Sequence[int]) -> float | None:
    is_asked = np.isin(ranking.rows, rows)
    return metrics.hits_at_1(ranking.scores[is_asked]) if is_asked.any() else None


@torch.inference_mode()
def _mean_vectors(model: Seq2Seq, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """The mean of the decoder's embeddings of each text's pieces, (N, E); 0 without pieces."""
    embedding = model.decoder.embedding
    device = model.output_bias.device
    vectors = torch.zeros(len(texts), embedding.embedding_dim)
    for i, ids in enumerate(texts):
        if ids:
            vectors[i] = embedding(torch.tensor(ids, device=device)).mean(dim=0)
    return vectors.numpy()
