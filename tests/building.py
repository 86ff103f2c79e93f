"""What many tests build."""

from dataclasses import asdict
from typing import Any

import torch

from pipeline.data.config import DataConfig
from pipeline.model_folder import TrainedModel, build_network
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import Tokenizer

PREPARABLE: list[dict[str, Any]] = [
    {},
    {"lexical": True},
    {"attention": "none"},
    {"coverage": True},
    {"attention": "dot", "coverage": True, "lexical": True},
    {"deep_output": True},
    {"attention": "none", "deep_output": True},
    {"coverage": True, "deep_output": True, "lexical": True},
    {"attention": "dot", "lexical": True, "num_layers": 2},
    {"num_layers": 2, "residual": False},
    {"num_layers": 3},
    {"bidirectional": False, "lexical": True},
    {"embedding": "one_hot", "tie_embeddings": False},
    {"lexical": True, "tie_embeddings": False},
    {"tie_embeddings": True},
    {"tie_embeddings": False},
]
"""Of a network that can be prepared and exported: every part in some combination."""


def build_model(config: ModelConfig, source: Tokenizer, target: Tokenizer) -> Seq2Seq:
    """An untrained encoder-decoder for these vocabularies."""
    return Seq2Seq(
        config,
        source_vocab_size=len(source),
        target_vocab_size=len(target),
        joint_vocabulary=source is target,
    )


def build_untrained(data: DataConfig, *tokenizers: Tokenizer) -> TrainedModel:
    """A model for the task of the data section; what it says depends on what it reads."""
    torch.manual_seed(2)
    config = ModelConfig(hidden_size=16, embedding_dim=16, bidirectional=False)
    network = build_network(
        config,
        data.task,
        [len(tokenizer) for tokenizer in tokenizers],
        num_labels=len(data.labels or ()),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4.0)
    return TrainedModel(
        network=network.eval(),
        tokenizers=tokenizers,
        task=data.task,
        name=f"tiny-{data.task}",
        data=asdict(data),
    )
