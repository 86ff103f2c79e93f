"""The encoder-decoder: the whole network, and the two methods that decoding asks for."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.batch import ConversationBatch, Seq2SeqBatch, collate_sources, split_turns
from pipeline.nn.config import ModelConfig
from pipeline.nn.decoder import Decoder, DecoderState
from pipeline.nn.embedding import Embedding, build_embedding
from pipeline.nn.encoder import Encoder
from pipeline.nn.loss import SummedLoss, cross_entropy
from pipeline.nn.memory import ConversationMemory, ConversationState
from pipeline.nn.r_drop import r_drop_cross_entropy

_PART_ROWS = 64
"""The turns of a conversation differ in length: so many of about one length are run at a time."""


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
        self.memory = ConversationMemory(config) if config.memory == "recurrent" else None

    def forward(self, batch: Seq2SeqBatch) -> Float[Tensor, "B T E"]:
        """Features of every next target token under teacher forcing."""
        state = self.encode(batch.source_ids, batch.source_lengths)
        features: Tensor = self.decoder(batch.decoder_input_ids, state)
        return features

    def loss(
        self,
        batch: Seq2SeqBatch | ConversationBatch,
        *,
        label_smoothing: float = 0.0,
        label_weights: Float[Tensor, " V"] | None = None,
        r_drop: float = 0.0,
    ) -> SummedLoss:
        """Cross-entropy of the labels, summed over the real tokens; see `cross_entropy`.

        Args:
            batch: Pairs, or whole conversations.
            label_smoothing: See `cross_entropy`.
            label_weights: How much a piece counts in the objective where it is the label.
            r_drop: With it the batch is run twice, see `r_drop_cross_entropy`.
        """
        if r_drop:
            assert isinstance(batch, Seq2SeqBatch)
            assert label_weights is None
            return r_drop_cross_entropy(
                self(batch.repeated(2)),
                self.output_weight,
                self.output_bias,
                batch.labels,
                alpha=r_drop,
                label_smoothing=label_smoothing,
            )
        parts = (
            self._conversation_features(batch)
            if isinstance(batch, ConversationBatch)
            else [(self(batch), batch.labels)]
        )
        soft_labels = batch.soft_labels if isinstance(batch, Seq2SeqBatch) else None
        losses = [
            cross_entropy(
                features,
                self.output_weight,
                self.output_bias,
                labels,
                label_smoothing=label_smoothing,
                token_weights=None if label_weights is None else label_weights[labels],
                soft_labels=soft_labels,
            )
            for features, labels in parts
        ]
        return losses[0] if len(losses) == 1 else SummedLoss.total(losses)

    def encode(
        self,
        source_ids: Int[Tensor, "B S"],
        source_lengths: Int[Tensor, " B"],
        memory: ConversationState | None = None,
    ) -> DecoderState:
        """The decoder's state before the first token.

        A model with a memory takes the source apart into its turns. It reads each by itself, goes
        on from the memory of what was said before, and gives the memory with them in the state.

        Args:
            source_ids: A sentence a row; of a conversation the turns with TURN between them.
            source_lengths: Their lengths, EOS counted.
            memory: `DecoderState.memory` after the turns before, where the source goes on with a
                conversation; only for a model with a memory.
        """
        if self.memory is None:
            return self.decoder.initial_state(self.encoder(source_ids, source_lengths))
        turn_ids, turns = split_turns(source_ids, source_lengths)
        ids, lengths = (tensor.to(source_ids.device) for tensor in collate_sources(turn_ids))
        encoded = self.encoder.in_parts(ids, lengths, rows=_PART_ROWS)
        last = turns.max(dim=1).values
        after = self.memory(encoded, self.encoder.embedding(ids), turns, memory).select(last)
        return self.decoder.initial_state(self.memory.join(encoded.select(last), after), after)

    def step(
        self, token_ids: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """Logits of the next token after `token_ids`, and the state that follows."""
        features, state = self.decoder.step(token_ids, state)
        return self.logits(features), state

    def logits(self, features: Float[Tensor, "*rows E"]) -> Float[Tensor, "*rows V"]:
        """The softmax layer before the softmax: y_t = W_hy h_t, plus a bias."""
        return nn.functional.linear(features, self.output_weight, self.output_bias)

    def _conversation_features(self, batch: ConversationBatch) -> Iterator[tuple[Tensor, Tensor]]:
        """Features (B, T, E) and labels (B, T) of answers, those of about one length together."""
        assert self.memory is not None
        pairs = batch.pairs
        encoded = self.encoder.in_parts(pairs.source_ids, pairs.source_lengths, rows=_PART_ROWS)
        memory = self.memory(encoded, self.encoder.embedding(pairs.source_ids), batch.turns)
        joined = self.memory.join(encoded, memory)
        lengths, order = pairs.target_lengths.sort()
        for rows in order[lengths > 0].split(_PART_ROWS):  # not those that nothing answers
            part = pairs.select(rows)
            state = self.decoder.initial_state(joined.select(rows), memory.select(rows))
            yield self.decoder(part.decoder_input_ids, state), part.labels
