"""The variants of the study differ in cell and attention alone."""

import pytest

from benchmarks.study import variant
from pipeline.cli.train import parse
from pipeline.nn.config import AttentionName


@pytest.mark.parametrize("attention", ["none", "dot"])
def test_none_has_what_only_an_attention_can_have(attention: AttentionName) -> None:
    run = variant("gru", attention, 1, data=None, steps=600)
    model = parse(["--config", run.config, "--name", run.name, *run.options]).model
    assert (model.cell, model.attention) == ("gru", attention)
    assert (model.lexical, model.coverage, model.deep_output) == (False, False, False)
