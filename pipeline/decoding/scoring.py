"""How probable a model finds given targets."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.batch import collate
from pipeline.decoding.protocol import AnyState, Model
from pipeline.tokenizer import PAD_ID


@torch.inference_mode()
def score_targets(
    model: Model[AnyState],
    source_ids: Int[Tensor, "B S"],
    source_lengths: Int[Tensor, " B"],
    targets: Sequence[Sequence[int]],
) -> Float[Tensor, " B"]:
    """Log P(target | source) of each row in nats, EOS counted.

    Args:
        model: The model.
        source_ids: The sources.
        source_lengths: Their lengths.
        targets: A target for each source, without BOS and EOS.
    """
    device = source_ids.device
    batch = collate([[]] * len(targets), targets)
    labels = batch.labels.to(device)
    state = model.encode(source_ids, source_lengths)
    log_probs = torch.zeros(len(targets), device=device)
    for token_ids, following in zip(batch.decoder_input_ids.to(device).T, labels.T, strict=True):
        logits, state = model.step(token_ids, state)
        step_log_probs = logits.float().log_softmax(dim=-1)
        log_probs += (
            step_log_probs.gather(1, following.unsqueeze(1))
            .squeeze(1)
            .where(following != PAD_ID, 0.0)
        )
    return log_probs
