"""Where the decoder looks: the attention weights of a sentence, piece by piece."""

from dataclasses import dataclass

from pipeline.batch import collate_sources
from pipeline.decoding import LengthLimit, attention_along, greedy_search
from pipeline.errors import ModelError
from pipeline.model_folder import TrainedModel
from pipeline.text import normalize
from pipeline.tokenizer import EOS_ID, shown_tag


@dataclass(frozen=True)
class AttentionMap:
    """What the decoder looked at while it wrote.

    Attributes:
        source: The source pieces, EOS behind them.
        target: The pieces that were generated, EOS behind them.
        weights: For each target piece a row with the weight of each source piece; a row sums to 1.
    """

    source: list[str]
    target: list[str]
    weights: list[list[float]]


def attention_map(
    trained: TrainedModel, text: str, *, target_language: str | None = None
) -> AttentionMap:
    """The weights of greedy decoding; with several heads, their mean.

    Args:
        trained: The model.
        text: A source sentence.
        target_language: Which of those that the model translates into, where there are several.

    Raises:
        ModelError: The model has no attention.
        ConfigError: It does not translate into the language.
    """
    model = trained.model.eval()
    if model.decoder.attention is None:
        raise ModelError(f"{trained.name}: expected a model with attention, this one has none")
    text_ids = trained.source_tokenizer.encode(normalize(text))
    source_ids, source_lengths = collate_sources([trained.tag_ids(target_language) + text_ids])
    limit = LengthLimit.for_task(is_chat=trained.task == "chat")
    (hypothesis,) = greedy_search(model, source_ids, source_lengths, limit=limit)
    return AttentionMap(
        source=list(map(shown_tag, trained.source_tokenizer.pieces(source_ids[0].tolist()))),
        target=trained.target_tokenizer.pieces([*hypothesis.ids, EOS_ID]),
        weights=attention_along(model, source_ids, source_lengths, hypothesis.ids).tolist(),
    )
