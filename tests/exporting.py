"""Tiny translators of every kind that can be exported."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pipeline.export import export_model
from pipeline.model_folder import TrainedModel
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import EOS_ID, Tokenizer
from tests.building import build_model

LINES = [
    "A man in a red shirt is riding a bicycle.",
    "",
    "Two children are playing in the water today! The little dog runs over the green grass.",
    "강아지가 풀밭에서 뛰어다녀요.",
    "  \t ",
    "Two",
    "A man in a red shirt",
    "Where is the next railway station, please?",
    "grass",
]


def tiny_translator(*tokenizers: Tokenizer, **values: Any) -> TrainedModel:
    """Untrained; what it says depends on what it reads, and comes to an end."""
    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "embedding_dim": 12, "tie_embeddings": False}
    network = build_model(ModelConfig(**{**sizes, **values}), tokenizers[0], tokenizers[-1])
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            # A state that grows from step to step would make much of the last bit of a number.
            scale = 1.5 if "hh" in name else 4.0
            parameter.mul_(scale).add_(0.1 * torch.randn_like(parameter))  # biases too
        network.output_bias[EOS_ID] = 1.0
    data: Mapping[str, object] = {"path": "pairs.tsv", "source": "en", "target": "ko"}
    return TrainedModel(network.eval(), tokenizers, name="tiny", command="train", data=data)


def exported(trained: TrainedModel, folder: Path, **options: Any) -> Path:
    """The folder that the translator is exported to."""
    export_model(trained, folder, **options)
    return folder


def with_data(trained: TrainedModel, **data: object) -> TrainedModel:
    """The same, trained on other columns."""
    return replace(trained, data={**trained.data, **data})
