import pytest
import torch
from torch import Tensor

from pipeline.nn.scan import linear_recurrence


def _loop(decays: Tensor, additions: Tensor, h: Tensor) -> Tensor:
    states = []
    for a, b in zip(decays.unbind(dim=1), additions.unbind(dim=1), strict=True):
        h = a * h + b
        states.append(h)
    return torch.stack(states, dim=1)


def _coefficients(num_steps: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(num_steps)
    decays = torch.rand(2, num_steps, 3, dtype=torch.float64)
    additions = torch.randn(2, num_steps, 3, dtype=torch.float64)
    return decays, additions, torch.randn(2, 3, dtype=torch.float64)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 4, 5, 9, 10, 16, 17, 200])
def test_it_is_the_loop_and_so_are_its_gradients(num_steps: int) -> None:
    coefficients = [part.requires_grad_() for part in _coefficients(num_steps)]
    before = [part.detach().clone() for part in coefficients]
    states, expected = linear_recurrence(*coefficients), _loop(*coefficients)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    weights = torch.randn_like(expected)
    gradients = torch.autograd.grad((states * weights).sum(), coefficients)
    wanted = torch.autograd.grad((expected * weights).sum(), coefficients)
    torch.testing.assert_close(gradients, wanted, rtol=0, atol=1e-12)
    for part, copy in zip(coefficients, before, strict=True):
        assert torch.equal(part, copy)  # nothing was written into what it was given


def test_by_hand() -> None:
    decays = torch.tensor([[[0.5], [0.0], [1.0], [0.25], [0.5]]])
    additions = torch.tensor([[[1.0], [2.0], [0.0], [1.0], [-1.0]]])
    # 0.5*4 + 1 = 3;  0*3 + 2 = 2;  2 + 0 = 2;  0.25*2 + 1 = 1.5;  0.5*1.5 - 1 = -0.25
    states = linear_recurrence(decays, additions, torch.tensor([[4.0]]))
    assert states.flatten().tolist() == [3.0, 2.0, 2.0, 1.5, -0.25]


def test_long_sequences_of_extreme_decays_stay_exact_in_float32() -> None:
    torch.manual_seed(1)
    decays = torch.rand(1, 5000, 4).pow(torch.tensor([0.001, 0.1, 10.0, 1000.0]))
    additions = torch.rand(1, 5000, 4)
    states = linear_recurrence(decays, additions, torch.zeros(1, 4))
    expected = _loop(decays.double(), additions.double(), torch.zeros(1, 4).double())
    torch.testing.assert_close(states.double(), expected, rtol=1e-5, atol=1e-6)
