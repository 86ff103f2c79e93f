"""Scores of what an encoder-decoder writes: translations, replies."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pipeline import metrics
from pipeline.context import encode_contexts
from pipeline.decoding import Search, SearchSettings, decode_all
from pipeline.evaluation.corpus import Pairs
from pipeline.evaluation.likelihood import ensemble_nats, reference_nats
from pipeline.evaluation.scores import SplitScores
from pipeline.metrics import CASED_13A, BleuProtocol
from pipeline.model_folder import TrainedModel
from pipeline.precision import Precision
from pipeline.text import normalize
from pipeline.translator import MAX_SOURCE_TOKENS, Translator

_LENGTH_BINS = (10, 20, 30, 40)


@dataclass(frozen=True, kw_only=True)
class GenerationScores(SplitScores):
    """What a model scored.

    Attributes:
        num_sentences: How many pairs.
        bleu: 0 to 100, as the signature says; cased and detokenised unless asked otherwise.
        chrf: 0 to 100.
        signature: How sacreBLEU computed BLEU.
        chrf_signature: How sacreBLEU computed chrF.
        exact_match: Share of hypotheses that equal their reference.
        loss_nats_per_token: Of the references under teacher forcing, EOS counted.
        perplexity_per_word: The same a word, whatever the pieces are.
        bits_per_character: The same a character, in bits.
        distinct_1: Share of different words among those generated.
        distinct_2: Share of different word pairs.
        beam_size: 1 is greedy decoding.
        search: How translations were searched for; of a chatbot the beam size alone.
        num_models: 1, or the models of an ensemble.
        sentences_per_second: Of decoding, tokenisation included.
        by_length: BLEU by the number of words of the source.
        hypotheses: What the model gave, in the order of the sources.
    """

    num_sentences: int
    bleu: float
    chrf: float
    signature: str
    chrf_signature: str
    exact_match: float
    loss_nats_per_token: float
    perplexity_per_word: float
    bits_per_character: float
    distinct_1: float
    distinct_2: float
    beam_size: int
    search: SearchSettings = field(default_factory=SearchSettings)
    num_models: int = 1
    sentences_per_second: float
    by_length: list[dict[str, Any]]
    hypotheses: list[str]


@dataclass(frozen=True)
class Written:
    """What a model wrote, in the order of the sources, and the seconds it took."""

    hypotheses: list[str]
    seconds: float


def score_translations(
    trained: TrainedModel,
    pairs: Pairs,
    *,
    beam_size: int = 1,
    search: SearchSettings | None = None,
    ensemble: Sequence[TrainedModel] = (),
    reverse: TrainedModel | None = None,
    precision: Precision = "fp32",
    batch_size: int = 64,
    protocol: BleuProtocol = CASED_13A,
    device: str = "cpu",
) -> GenerationScores:
    """Translate the sources, and score the hypotheses and the references.

    No pair is left out; a source of more than 512 pieces is cut.

    Args:
        trained: The translator.
        pairs: What it is judged by.
        beam_size: 1 is greedy decoding.
        search: How translations are searched for, instead of the beam size alone.
        ensemble: Models whose probabilities are averaged with its own.
        reverse: See `Translator`.
        precision: In which it translates; the references are scored in `fp32`.
        batch_size: Sentences together.
        protocol: How BLEU is computed.
        device: Where it runs.
    """
    settings = SearchSettings.of(beam_size, search)
    model = trained.model.to(device).eval()
    translator = Translator(
        trained, ensemble=ensemble, reverse=reverse, device=device, precision=precision
    )
    started = time.perf_counter()
    texts = translator.translate(
        pairs.sources,
        batch_size=batch_size,
        settings=settings,
        target_language=pairs.target_language,
    )
    written = Written(texts, time.perf_counter() - started)
    source_ids = encode_sources(trained, pairs.sources, target_language=pairs.target_language)
    target_ids = trained.target_tokenizer.encode_batch(pairs.references)
    if ensemble:
        networks = [model, *(other.model for other in ensemble)]
        nats, num_tokens = ensemble_nats(
            networks, source_ids, target_ids, batch_size=batch_size, device=device
        )
    else:
        nats, num_tokens = reference_nats(
            model, source_ids, target_ids, batch_size=batch_size, device=device
        )
    return generation_scores(
        pairs,
        written,
        nats=nats,
        num_tokens=num_tokens,
        search=settings,
        num_models=1 + len(ensemble),
        protocol=protocol,
    )


def write(
    trained: TrainedModel,
    sources: Sequence[str],
    search: Search,
    *,
    batch_size: int,
    device: str = "cpu",
) -> Written:
    """Decode the sources."""
    started = time.perf_counter()
    found = decode_all(
        encode_sources(trained, sources),
        search,
        batch_size=batch_size,
        device=torch.device(device),
    )
    hypotheses = [
        normalize(trained.target_tokenizer.decode(hypothesis.ids)) for hypothesis in found
    ]
    return Written(hypotheses, time.perf_counter() - started)


def generation_scores(
    pairs: Pairs,
    written: Written,
    *,
    nats: float,
    num_tokens: int,
    search: SearchSettings,
    num_models: int = 1,
    protocol: BleuProtocol = CASED_13A,
) -> GenerationScores:
    """The scores of what was written, and of the references' nats and number of tokens."""
    hypotheses = written.hypotheses
    bleu = metrics.bleu(hypotheses, pairs.references, protocol=protocol)
    chrf = metrics.chrf(hypotheses, pairs.references)
    return GenerationScores(
        split=pairs.split,
        num_sentences=len(hypotheses),
        bleu=bleu.value,
        chrf=chrf.value,
        signature=bleu.signature,
        chrf_signature=chrf.signature,
        exact_match=metrics.exact_match(hypotheses, pairs.references),
        loss_nats_per_token=nats / num_tokens,
        perplexity_per_word=metrics.perplexity_per_word(nats, pairs.references),
        bits_per_character=metrics.bits_per_character(nats, pairs.references),
        distinct_1=metrics.distinct(hypotheses, 1),
        distinct_2=metrics.distinct(hypotheses, 2),
        beam_size=search.beam_size,
        search=search,
        num_models=num_models,
        sentences_per_second=len(hypotheses) / written.seconds,
        by_length=_by_length(pairs, hypotheses, protocol),
        hypotheses=hypotheses,
    )


def encode_sources(
    trained: TrainedModel, sources: Sequence[str], *, target_language: str | None = None
) -> list[list[int]]:
    """Ids of the sources as the model reads them; the one place where a context is cut."""
    tokenizer = trained.source_tokenizer
    if trained.task == "chat":
        return encode_contexts(sources, tokenizer, budget=trained.context_tokens)
    tag_ids = trained.tag_ids(target_language)
    return [tag_ids + ids[:MAX_SOURCE_TOKENS] for ids in tokenizer.encode_batch(sources)]


def _by_length(
    pairs: Pairs, hypotheses: Sequence[str], protocol: BleuProtocol
) -> list[dict[str, Any]]:
    rows = []
    lengths = [len(source.split()) for source in pairs.sources]
    for low, high in zip((0, *_LENGTH_BINS), (*_LENGTH_BINS, None), strict=True):
        inside = [i for i, n in enumerate(lengths) if n > low and (high is None or n <= high)]
        if not inside:
            continue
        score = metrics.bleu(
            [hypotheses[i] for i in inside],
            [pairs.references[i] for i in inside],
            protocol=protocol,
        )
        rows.append(
            {
                "words": f"{low + 1}-{high}" if high else f"over {low}",
                "num_sentences": len(inside),
                "bleu": score.value,
            }
        )
    return rows
