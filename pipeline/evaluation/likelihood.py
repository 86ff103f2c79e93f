"""How probable a model finds what should have been written."""

from collections.abc import Sequence

import torch

from pipeline.batch import collate, rows_by_length
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.seq2seq import Seq2Seq


@torch.inference_mode()
def reference_nats(
    network: Seq2Seq | LanguageModel,
    source_ids: Sequence[Sequence[int]],
    target_ids: Sequence[Sequence[int]],
    *,
    batch_size: int,
    device: str = "cpu",
) -> tuple[float, int]:
    """Nats of all target tokens under teacher forcing, EOS counted, and how many there are."""
    nats, num_tokens = 0.0, 0
    for rows in rows_by_length(target_ids, batch_size):
        batch = collate([source_ids[i] for i in rows], [target_ids[i] for i in rows])
        loss = network.loss(batch.to(torch.device(device)))
        nats += float(loss.nats_sum)
        num_tokens += loss.num_predictions
    return nats, num_tokens
