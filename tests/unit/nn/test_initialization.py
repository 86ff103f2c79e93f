from typing import get_args

import pytest
import torch

from pipeline.errors import ConfigError
from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.initialization import build_cell

cells = pytest.mark.parametrize("name", get_args(CellName))


@cells
def test_recurrent_matrices_are_not_orthogonal_where_xavier_is_asked_for(name: CellName) -> None:
    torch.manual_seed(1)
    cell = build_cell(ModelConfig(cell=name, recurrent_init="xavier"), 3, 6)
    for matrix in cell.recurrent_matrices():
        assert (matrix @ matrix.t() - torch.eye(6)).abs().max() > 0.1
        assert matrix.abs().max() <= (6 / 12) ** 0.5  # Glorot & Bengio's bound


@cells
def test_the_bias_of_the_gate_that_keeps_can_be_chosen(name: CellName) -> None:
    own = 1.0 if name in ("lstm", "ln_lstm") else 0.0
    for choice, value in (("zero", 0.0), ("one", 1.0), ("own", own)):
        config = ModelConfig(cell=name, memory_bias=choice)  # type: ignore[arg-type]
        biases = build_cell(config, 3, 4).memory_biases()
        if biases is not None and biases.keep is not None:
            assert biases.keep.tolist() == [value] * 4
        elif biases is not None and biases.write is not None:
            assert biases.write.tolist() == [-value] * 4


@cells
def test_chrono_biases_are_those_of_memories_of_all_lengths(name: CellName) -> None:
    torch.manual_seed(2)
    biases = build_cell(
        ModelConfig(cell=name, memory_bias="chrono", chrono_steps=101), 3, 400
    ).memory_biases()
    if biases is None:
        return
    kept = [biases.keep] if biases.keep is not None else []
    written = [-biases.write] if biases.write is not None else []
    steps = [*kept, *written][0].detach().exp()
    assert 1 <= steps.min() < 3
    assert 98 < steps.max() <= 100
    assert float(steps.mean()) == pytest.approx(50.5, abs=5)
    if biases.keep is not None and biases.write is not None:
        assert torch.equal(biases.write, -biases.keep)


def test_a_memory_of_too_few_steps_is_refused() -> None:
    with pytest.raises(ConfigError, match="model.chrono_steps: expected 3 or more, got 2"):
        ModelConfig(chrono_steps=2)


@pytest.mark.parametrize("name", ["elman", "irnn"])
def test_vanilla_cells_have_a_bias_where_it_is_asked_for(name: CellName) -> None:
    names = [
        set(dict(build_cell(ModelConfig(cell=name, bias=bias), 3, 4).named_parameters()))
        for bias in (False, True)
    ]
    assert names == [{"W_xh", "W_hh"}, {"W_xh", "W_hh", "b_h"}]
