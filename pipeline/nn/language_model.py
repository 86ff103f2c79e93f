"""Many-to-many, aligned: at every token, the next one."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.batch import Seq2SeqBatch
from pipeline.nn.config import ModelConfig
from pipeline.nn.embedding import Embedding, build_embedding
from pipeline.nn.encoder import Encoder
from pipeline.nn.loss import SummedLoss, cross_entropy
from pipeline.tokenizer import PAD_ID


class LanguageModel(nn.Module):
    """A recurrent language model (Mikolov et al. 2010): y_t = W_hy h_t is the token at t + 1.

    The encoder reads from left to right, and what it knows at a token it has from those before.

    Args:
        config: Sizes and parts.
        vocab_size: Pieces of the vocabulary.

    Raises:
        ConfigError: The model would read from right to left as well.
    """

    def __init__(self, config: ModelConfig, *, vocab_size: int) -> None:
        super().__init__()
        config.require_one_direction()
        self.config = config
        embedding = build_embedding(config, vocab_size)
        self.encoder = Encoder(config, embedding)
        self.features = nn.Linear(config.hidden_size, config.embedding_dim)
        self.output_weight = (
            embedding.weight
            if config.tie_embeddings and isinstance(embedding, Embedding)
            else nn.Parameter(Embedding(vocab_size, config.embedding_dim).weight.detach())
        )
        self.output_bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, input_ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T E"]:
        """Features of every next token; those after padding mean nothing."""
        outputs = self.encoder(input_ids, (input_ids != PAD_ID).sum(dim=1)).outputs
        features: Tensor = self.encoder.dropout(torch.tanh(self.features(outputs)))
        return features

    def logits(self, features: Float[Tensor, "*rows E"]) -> Float[Tensor, "*rows V"]:
        """The softmax layer before the softmax."""
        return nn.functional.linear(features, self.output_weight, self.output_bias)

    def loss(self, batch: Seq2SeqBatch, *, label_smoothing: float = 0.0) -> SummedLoss:
        """Cross-entropy of the target's tokens, each given those before; the source is not read."""
        return cross_entropy(
            self(batch.decoder_input_ids),
            self.output_weight,
            self.output_bias,
            batch.labels,
            label_smoothing=label_smoothing,
        )
