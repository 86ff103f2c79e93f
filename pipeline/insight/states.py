"""Hidden states on a map: sentences that the encoder sums up alike lie close together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pipeline.batch import collate_sources
from pipeline.errors import DataError, ModelError
from pipeline.model_folder import TrainedModel
from pipeline.nn.forecaster import Forecaster
from pipeline.text import normalize


@dataclass(frozen=True)
class StateMap:
    """The encoder's last hidden states in two dimensions.

    Attributes:
        sentences: What was encoded.
        points: x and y of each.
        explained: Share of the states' variance along x, and along y.
    """

    sentences: list[str]
    points: list[tuple[float, float]]
    explained: tuple[float, float]


@torch.inference_mode()
def state_map(
    trained: TrainedModel, sentences: Sequence[str], *, target_language: str | None = None
) -> StateMap:
    """Principal components of the top layer's last states (as in Sutskever et al. 2014, figure 2).

    Args:
        trained: The model.
        sentences: Source sentences.
        target_language: Which of those that the model translates into, where there are several.

    Raises:
        ModelError: The model reads numbers, not sentences.
        ConfigError: It does not translate into the language.
        DataError: There are fewer than three sentences, or all are encoded alike.
    """
    network = trained.network.eval()
    if isinstance(network, Forecaster):
        raise ModelError(
            f"{trained.name}: a model for {trained.task}; expected one that reads text"
        )
    texts = [text for text in map(normalize, sentences) if text]
    if len(texts) < 3:
        raise DataError(f"expected three sentences or more, got {len(texts)}")
    tag_ids = trained.tag_ids(target_language)
    source_ids = [tag_ids + ids for ids in trained.source_tokenizer.encode_batch(texts)]
    encoded = network.encoder(*collate_sources(source_ids))
    states = encoded.final_states[-1].double()
    left, singular_values, _ = torch.linalg.svd(states - states.mean(dim=0), full_matrices=False)
    variances = singular_values.square()
    if float(variances.sum()) < 1e-12:
        raise DataError("expected sentences that differ: all have the same hidden state")
    x, y = (left[:, :2] * singular_values[:2]).unbind(dim=1)
    shares = (variances / variances.sum()).tolist()
    return StateMap(
        sentences=texts,
        points=list(zip(x.tolist(), y.tolist(), strict=True)),
        explained=(shares[0], shares[1]),
    )
