"""How a cell begins: its recurrent matrices, and the biases that decide how long it remembers."""

import torch
from torch import Tensor, nn

from pipeline.nn.cells import CELLS, Cell, GRUCell, LSTMCell, VanillaCell
from pipeline.nn.config import ModelConfig


def build_cell(config: ModelConfig, input_size: int, hidden_size: int) -> Cell:
    """A cell of the configured kind, with the configured first values."""
    kind = CELLS[config.cell]
    if issubclass(kind, VanillaCell):
        cell: Cell = kind(input_size, hidden_size, bias=config.bias)
    elif issubclass(kind, (GRUCell, LSTMCell)):
        cell = kind(input_size, hidden_size, weight_dropout=config.weight_dropout)
    else:
        cell = kind(input_size, hidden_size)
    with torch.no_grad():
        if config.recurrent_init == "xavier":
            for matrix in cell.recurrent_matrices():
                nn.init.xavier_uniform_(matrix)
        match config.memory_bias:
            case "zero":
                _set_keep_bias(cell, torch.zeros(hidden_size))
            case "one":
                _set_keep_bias(cell, torch.ones(hidden_size))
            case "chrono":
                _set_chrono_biases(cell, config.chrono_steps)
    return cell


def _set_keep_bias(cell: Cell, bias: Tensor) -> None:
    biases = cell.memory_biases()
    if biases is None:
        return
    if biases.keep is not None:
        biases.keep.copy_(bias)
    elif biases.write is not None:
        biases.write.copy_(-bias)


def _set_chrono_biases(cell: Cell, num_steps: int) -> None:
    """A gate of bias log(n - 1) keeps for about n steps (Tallec & Ollivier 2018, equation 16)."""
    biases = cell.memory_biases()
    if biases is None:
        return
    bias = torch.empty(cell.hidden_size).uniform_(1, num_steps - 1).log()
    if biases.keep is not None:
        biases.keep.copy_(bias)
    if biases.write is not None:
        biases.write.copy_(-bias)
