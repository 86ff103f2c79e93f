"""Recurrent cells behind one switch, `model.cell`; the step that all of them share is in `base`.

elman      the vanilla RNN                     irnn      the same with relu, begun as the identity
gru lstm   the gated ones                      ln_lstm   an LSTM with layer normalisation
dt_gru     a GRU with a deep transition        sru       a light loop, no product with the state
mingru minlstm   gates of the input alone: parallel over time
"""

from pipeline.nn.cells.base import Cell, MemoryBiases, State, SteppedCell
from pipeline.nn.cells.deep_transition_gru import DeepTransitionGRUCell
from pipeline.nn.cells.elman import ElmanCell, IRNNCell, VanillaCell
from pipeline.nn.cells.gated import GRUCell, LSTMCell
from pipeline.nn.cells.layer_norm_lstm import LayerNormLSTMCell
from pipeline.nn.cells.minimal import MinGRUCell, MinLSTMCell
from pipeline.nn.cells.sru import SRUCell
from pipeline.nn.config import CellName

CELLS: dict[CellName, type[Cell]] = {
    "elman": ElmanCell,
    "irnn": IRNNCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
    "ln_lstm": LayerNormLSTMCell,
    "dt_gru": DeepTransitionGRUCell,
    "mingru": MinGRUCell,
    "minlstm": MinLSTMCell,
    "sru": SRUCell,
}

__all__ = [
    "CELLS",
    "Cell",
    "DeepTransitionGRUCell",
    "ElmanCell",
    "GRUCell",
    "IRNNCell",
    "LSTMCell",
    "LayerNormLSTMCell",
    "MemoryBiases",
    "MinGRUCell",
    "MinLSTMCell",
    "SRUCell",
    "State",
    "SteppedCell",
    "VanillaCell",
]
