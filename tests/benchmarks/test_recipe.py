"""The parts of the recipe are what the configuration can be told, and see as much text."""

from functools import cache

import pytest

from benchmarks.recipe import PARTS, variant
from pipeline.cli.train import parse
from pipeline.training.config import RunConfig


@cache
def _config(part: str) -> RunConfig:
    run = variant(part, 1, data=None, steps=600)
    return parse(["--config", run.config, "--name", run.name, *run.options])


@pytest.mark.parametrize("part", [part for part in PARTS if part != "base"])
def test_a_part_is_not_the_base(part: str) -> None:
    base, config = _config("base"), _config(part)
    assert (config.data, config.model, config.trainer) != (base.data, base.model, base.trainer)


@pytest.mark.parametrize("part", ["base", "batches-of-1024", "batches-of-4096"])
def test_batches_of_another_size_see_as_many_tokens(part: str) -> None:
    config = _config(part)
    assert config.trainer.max_steps * config.data.batch_tokens == 600 * 2048


def test_larger_batches_at_last_see_as_many_tokens() -> None:
    config = _config("larger-batches-at-last")
    ending = config.data.ending_batch_tokens
    last = config.trainer.max_steps - config.data.ending_from
    assert config.data.ending_from * 2048 + last * ending == pytest.approx(600 * 2048, rel=0.01)
