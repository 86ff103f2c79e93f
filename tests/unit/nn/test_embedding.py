import pytest
import torch

from pipeline.nn.embedding import Embedding
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
