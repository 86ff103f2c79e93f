"""Many-to-one: a whole sequence in, one label out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pipeline.batch import LabelledBatch
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.nn.embedding import build_embedding
from pipeline.nn.encoder import Encoder
from pipeline.nn.loss import SummedLoss


class SequenceClassifier(nn.Module):
    """Embedding, RNN, softmax: the encoder's last state is all that the label is read from.

    Args:
        config: Sizes and parts; `readout` says whether there is a W_hy.
        vocab_size: Pieces of the vocabulary.
        num_labels: Labels to choose among.

    Raises:
        ConfigError: Without a readout, the state has not as many units as there are labels.
    """

    def __init__(self, config: ModelConfig, *, vocab_size: int, num_labels: int) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, build_embedding(config, vocab_size))
        if not config.readout and config.hidden_size != num_labels:
            raise ConfigError(
                f"model.hidden_size: without model.readout expected a unit for each of the "
                f"{num_labels} labels, got {config.hidden_size}"
            )
        self.W_hy = nn.Linear(config.hidden_size, num_labels) if config.readout else None

    def forward(
        self, source_ids: Int[Tensor, "B S"], source_lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B C"]:
        """Logits of the C labels: y = W_hy h_T + b_y."""
        encoded: Tensor = self.encoder(source_ids, source_lengths).final_states[-1]
        if self.W_hy is None:
            return encoded
        return self.W_hy(self.encoder.dropout(encoded))  # type: ignore[no-any-return]

    def loss(self, batch: LabelledBatch, *, label_smoothing: float = 0.0) -> SummedLoss:
        """Cross-entropy of the labels, summed over the batch, in nats."""
        log_probs = torch.log_softmax(self(batch.source_ids, batch.source_lengths).float(), dim=-1)
        nats_sum = -log_probs.gather(1, batch.labels.unsqueeze(1)).sum()
        uniform = -log_probs.mean(dim=-1).sum()
        return SummedLoss(
            objective_sum=(1 - label_smoothing) * nats_sum + label_smoothing * uniform,
            nats_sum=nats_sum.detach(),
            num_predictions=len(batch.labels),
        )
