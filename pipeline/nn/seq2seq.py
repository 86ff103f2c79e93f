"""The encoder-decoder: the whole network, and the two methods that decoding asks for."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.batch import Seq2SeqBatch
from pipeline.nn.config import ModelConfig
from pipeline.nn.decoder import Decoder, DecoderState
from pipeline.nn.embedding import Embedding, build_embedding
from pipeline.nn.encoder import Encoder
from pipeline.nn.loss import SummedLoss, cross_entropy


class Seq2Seq(nn.Module):
    """A recurrent encoder-decoder (Sutskever et al. 2014; Cho et al. 2014; Bahdanau et al. 2015).

    Args:
        config: Sizes and parts.
        source_vocab_size: Pieces of the source vocabulary.
        target_vocab_size: Pieces of the target vocabulary.
        joint_vocabulary: Whether both are the same vocabulary, so that they may share a matrix.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        source_vocab_size: int,
        target_vocab_size: int,
        joint_vocabulary: bool,
    ) -> None:
        super().__init__()
        self.config = config
        target_embedding = build_embedding(config, target_vocab_size)
        if config.tie_embeddings and joint_vocabulary:
            source_embedding = target_embedding
        else:
            source_embedding = build_embedding(config, source_vocab_size)
        self.encoder = Encoder(config, source_embedding)
        self.decoder = Decoder(config, target_embedding)
        self.output_weight = (
            target_embedding.weight
            if config.tie_embeddings and isinstance(target_embedding, Embedding)
            else nn.Parameter(Embedding(target_vocab_size, config.embedding_dim).weight.detach())
        )
        self.output_bias = nn.Parameter(torch.zeros(target_vocab_size))

    def forward(self, batch: Seq2SeqBatch) -> Float[Tensor, "B T E"]:
        """Features of every next target token under teacher forcing."""
        encoded = self.encoder(batch.source_ids, batch.source_lengths)
        state = self.decoder.initial_state(encoded)
        features: Tensor = self.decoder(batch.decoder_input_ids, state)
        return features

    def loss(self, batch: Seq2SeqBatch, *, label_smoothing: float = 0.0) -> SummedLoss:
        """Cross-entropy of the labels, summed over the real tokens, in nats."""
        return cross_entropy(
            self(batch),
            self.output_weight,
            self.output_bias,
            batch.labels,
            label_smoothing=label_smoothing,
        )

    def encode(
        self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
    ) -> DecoderState:
        """The decoder's state before the first token."""
        return self.decoder.initial_state(self.encoder(source_ids, source_lengths))

    def step(
        self, token_ids: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """Logits of the next token after `token_ids`, and the state that follows."""
        features, state = self.decoder.step(token_ids, state)
        return self.logits(features), state

    def logits(self, features: Float[Tensor, "*rows E"]) -> Float[Tensor, "*rows V"]:
        """The softmax layer before the softmax: y_t = W_hy h_t, plus a bias."""
        return nn.functional.linear(features, self.output_weight, self.output_bias)
