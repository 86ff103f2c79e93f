import pytest
import torch

from pipeline.nn.cells import ElmanCell
from pipeline.nn.embedding import Embedding, OneHot
from pipeline.tokenizer import PAD_ID


def test_a_vector_is_its_row_times_the_root_of_its_size_by_hand() -> None:
    embedding = Embedding(5, 4)
    embedding.weight.data[3] = torch.tensor([1.0, -2.0, 0.5, 0.0])
    assert embedding(torch.tensor([[3]])).tolist() == [[[2.0, -4.0, 1.0, 0.0]]]


@pytest.mark.parametrize("embedding_dim", [16, 256])
def test_the_units_of_a_vector_begin_at_size_one(embedding_dim: int) -> None:
    torch.manual_seed(1)
    vectors = Embedding(2000, embedding_dim)(torch.arange(1, 2000)).detach()
    assert float(vectors.std()) == pytest.approx(1.0, abs=0.02)
    assert float(vectors.mean()) == pytest.approx(0.0, abs=0.02)


def test_padding_is_zero_and_gets_no_gradient() -> None:
    embedding = Embedding(5, 4)
    vectors = embedding(torch.tensor([PAD_ID, 3]))
    vectors.sum().backward()
    assert not vectors[0].any()
    assert embedding.weight.grad is not None
    assert embedding.weight.grad.tolist() == [[0.0] * 4] * 3 + [[2.0] * 4, [0.0] * 4]


def test_one_hot_is_the_identity() -> None:
    one_hot = OneHot(3)
    assert one_hot(torch.tensor([[2, 0]])).tolist() == [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    assert one_hot.embedding_dim == 3
    assert not list(one_hot.parameters())


def test_a_product_with_a_one_hot_vector_picks_a_row() -> None:
    cell = ElmanCell(5, 4)
    ids = torch.tensor([[3, 1, 1]])
    assert torch.equal(cell.project(OneHot(5)(ids)), cell.W_xh[ids])
