"""The copy-memory task: symbols, a long wait, then the symbols again.

Hochreiter & Schmidhuber (1997), in the form of Arjovsky et al. (2016, section 4.1): ten symbols out
of eight, then blanks for `delay` steps, the last of which is a sign to begin, then ten blanks in
which the symbols have to be said in their order. Nothing but the hidden state carries them over the
wait, so that what a cell recalls shows how far its gradient reached while it learnt.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.initialization import build_cell

NUM_SYMBOLS = 10
ALPHABET_SIZE = 8
BLANK, GO = ALPHABET_SIZE, ALPHABET_SIZE + 1
_NUM_INPUTS = ALPHABET_SIZE + 2
_NUM_ROWS = 32
_LEARNING_RATE = 2e-3
_NUM_TEST_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class Recall:
    """What a cell recalls after its training.

    Attributes:
        cell: The cell.
        delay: Steps of waiting.
        num_steps: Steps of training, of 32 new sequences each.
        accuracy: Share of the symbols that come back right, on new sequences; chance is 1/8.
        nats: Mean cross-entropy of a symbol; chance is log 8 = 2.08.
    """

    cell: CellName
    delay: int
    num_steps: int
    accuracy: float
    nats: float


def copy_memory_batch(
    delay: int, *, num_rows: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Sequences of the task.

    Returns:
        The inputs (B, delay + 20) and the symbols (B, 10), which are also the last ten labels.
    """
    symbols = torch.randint(ALPHABET_SIZE, (num_rows, NUM_SYMBOLS), generator=generator)
    inputs = torch.full((num_rows, delay + 2 * NUM_SYMBOLS), BLANK)
    inputs[:, :NUM_SYMBOLS] = symbols
    inputs[:, NUM_SYMBOLS + delay - 1] = GO
    return inputs, symbols


def recall(
    config: ModelConfig, delay: int, *, hidden_size: int, num_steps: int, seed: int = 1
) -> Recall:
    """Train one layer on the task for a fixed number of steps, and see what it recalls.

    Args:
        config: Its cell, and how that begins.
        delay: Steps of waiting, at least 1.
        hidden_size: Units of the layer.
        num_steps: Adam steps of 32 sequences; the gradient's norm is clipped to 1, and a step
            whose gradient is not finite is left out.
        seed: Of the weights and the sequences.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    cell = build_cell(config, _NUM_INPUTS, hidden_size)
    W_hy = nn.Linear(hidden_size, ALPHABET_SIZE)
    parameters = [*cell.parameters(), *W_hy.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=_LEARNING_RATE)

    def logits(inputs: Tensor) -> Tensor:
        vectors = nn.functional.one_hot(inputs, _NUM_INPUTS).float()
        outputs, _ = cell(vectors, cell.initial_state(vectors))
        recalled: Tensor = W_hy(outputs[:, -NUM_SYMBOLS:])
        return recalled.flatten(0, 1)

    for _ in range(num_steps):
        inputs, symbols = copy_memory_batch(delay, num_rows=_NUM_ROWS, generator=generator)
        loss = nn.functional.cross_entropy(logits(inputs), symbols.flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        if norm.isfinite():  # one gradient that exploded would be the end of the weights
            optimizer.step()

    inputs, symbols = copy_memory_batch(delay, num_rows=_NUM_TEST_ROWS, generator=generator)
    with torch.inference_mode():
        found = logits(inputs)
    return Recall(
        cell=config.cell,
        delay=delay,
        num_steps=num_steps,
        accuracy=float((found.argmax(dim=-1) == symbols.flatten()).float().mean()),
        nats=float(nn.functional.cross_entropy(found, symbols.flatten())),
    )
