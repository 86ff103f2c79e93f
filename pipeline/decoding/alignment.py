"""Where a model looks while it writes a given target."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.decoding.protocol import AnyState, Model, attention_of
from pipeline.tokenizer import BOS_ID


@torch.inference_mode()
def attention_along(
    model: Model[AnyState],
    source_ids: Int[Tensor, "1 S"],
    source_lengths: Int[Tensor, " 1"],
    target_ids: Sequence[int],
) -> Float[Tensor, "T S"]:
    """The attention weights of the step that gives each target token, and of that after the last.

    Raises:
        ConfigError: The model has no attention.
    """
    state = model.encode(source_ids, source_lengths)
    rows = []
    for token_id in (BOS_ID, *target_ids):
        _, state = model.step(torch.tensor([token_id], device=source_ids.device), state)
        rows.append(attention_of(state)[0])
    return torch.stack(rows)
