"""The products of a training step, counted by hand."""

import pytest
import torch

from benchmarks.arithmetic import Product, Shapes

_SIZES = {"embedding_dim": 3, "hidden_size": 4, "features_dim": 5, "vocab_size": 7}
_SHAPES = Shapes(**_SIZES, num_rows=2, source_length=3, target_length=5)


def test_a_product_adds_as_often_as_it_multiplies() -> None:
    assert Product(2, 3, 5).flops == 2 * 2 * 3 * 5
    assert Product(2, 3, 5, times=4, batch=6).flops == 24 * 2 * 2 * 3 * 5


def test_the_flops_of_a_step_by_hand() -> None:
    source, target, rows = 2 * 3, 2 * 5, 2
    encoder = 2 * source * (3 * 6 + 2 * 6)  # two directions: E and H/2 to the gates of H/2
    decoder = target * (3 * 12 + 4 * 12)
    attention = rows * 4 * 4 + source * 4 * 4 + rows * 2 * (5 * 4 * 3)  # bridge, keys, both sums
    output = target * (8 * 5 + 5 * 7)
    # Each product is made three times: forward, and for the gradient of either side.
    expected = 3 * 2 * (encoder + decoder + attention + output)
    assert sum(product.flops for product in _SHAPES.products()) == expected
    assert _SHAPES.flops_per_token() == pytest.approx(expected / target)


def test_what_reads_wider_features_has_more_to_do_in_the_last_layers_alone() -> None:
    wider = Shapes(**{**_SIZES, "features_dim": 6}, num_rows=2, source_length=3, target_length=5)
    assert wider.flops_per_token() - _SHAPES.flops_per_token() == pytest.approx(3 * 2 * (8 + 7))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_product_can_be_made(dtype: torch.dtype) -> None:
    assert _SHAPES.tokens_per_second(dtype) > 0
