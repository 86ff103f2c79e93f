"""Score a model on a split of a corpus, whatever kind of network it is."""

from collections.abc import Sequence

from pipeline.chat import ChatSettings
from pipeline.decoding import SearchSettings
from pipeline.evaluation.chat import ChatScores, score_chat
from pipeline.evaluation.corpus import Numbers, Pairs, data_config, load_numbers, load_pairs
from pipeline.evaluation.generation import GenerationScores, score_translations
from pipeline.evaluation.other_kinds import (
    ClassificationScores,
    ForecastScores,
    LanguageModelScores,
    score_classifier,
    score_forecaster,
    score_language_model,
)
from pipeline.languages import Direction
from pipeline.metrics import CASED_13A, BleuProtocol
from pipeline.model_folder import TrainedModel
from pipeline.precision import Precision

Scores = GenerationScores | ClassificationScores | LanguageModelScores | ForecastScores

__all__ = [
    "ChatScores",
    "ClassificationScores",
    "ForecastScores",
    "GenerationScores",
    "LanguageModelScores",
    "Numbers",
    "Pairs",
    "Scores",
    "data_config",
    "evaluate",
    "load_numbers",
    "load_pairs",
    "load_references",
    "score_chat",
    "score_classifier",
    "score_forecaster",
    "score_language_model",
    "score_translations",
]


def evaluate(
    trained: TrainedModel,
    pairs: Pairs | Numbers,
    *,
    beam_size: int = 1,
    search: SearchSettings | None = None,
    ensemble: Sequence[TrainedModel] = (),
    precision: Precision = "fp32",
    batch_size: int = 64,
    settings: ChatSettings | None = None,
    reverse: TrainedModel | None = None,
    protocol: BleuProtocol = CASED_13A,
) -> Scores:
    """The scores that suit the model's task.

    Args:
        trained: The model.
        pairs: What it is judged by.
        beam_size: For what is decoded; 1 is greedy.
        search: For translations: how they are searched for, instead of the beam size alone.
        ensemble: For translations: models whose probabilities are averaged with its own.
        precision: For translations: see `Translator`.
        batch_size: Sentences together.
        settings: How replies are generated; for chat models only.
        reverse: A model of the other direction, which judges what a beam found, or ranks the
            candidates of a reply.
        protocol: How BLEU is computed, where there is one.

    Raises:
        ConfigError: The settings ask for sampling, and there is a beam.
    """
    search = SearchSettings.of(beam_size, search)
    if trained.task == "chat":
        assert isinstance(pairs, Pairs)
        return score_chat(
            trained,
            pairs,
            settings=settings,
            reverse=reverse,
            beam_size=search.beam_size,
            batch_size=batch_size,
            protocol=protocol,
        )
    if isinstance(pairs, Numbers):
        return score_forecaster(trained, pairs)
    match trained.task:
        case "classification":
            return score_classifier(trained, pairs, batch_size=batch_size)
        case "language_model":
            return score_language_model(trained, pairs, batch_size=batch_size)
    return score_translations(
        trained,
        pairs,
        search=search,
        ensemble=ensemble,
        reverse=reverse,
        precision=precision,
        batch_size=batch_size,
        protocol=protocol,
    )


def load_references(
    trained: TrainedModel, *, path: str | None, split: str, direction: Direction | None = None
) -> Pairs | Numbers:
    """What the model is judged by: a split of the corpus that it was trained on, or of another.

    Of a translator of several languages it is the sentences of one direction.

    Raises:
        DataError: The corpus cannot be read, or has no such split.
    """
    if trained.task == "forecast":
        return load_numbers(trained, path=path, split=split)
    return load_pairs(trained, path=path, split=split, direction=direction)
