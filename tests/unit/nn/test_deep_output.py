import torch

from pipeline.nn.deep_output import DeepOutput
from pipeline.nn.dropout import Dropout


def test_features_and_what_the_hidden_layer_adds_by_hand() -> None:
    deep = DeepOutput(1, 2, Dropout(0.5)).eval()
    with torch.no_grad():
        deep.W_1.weight.copy_(
            torch.tensor([[1.0, 0.0, 0.0], [-1.0, 1.0, 0.0], [0.5, 0.0, 3.0], [0.0, 0.0, 0.0]])
        )
        deep.W_1.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 2.0]))
        deep.W_2.weight.copy_(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
        deep.W_2.bias.copy_(torch.tensor([0.25]))
    features = torch.tensor([[[0.5]], [[-2.0]]])
    inputs = torch.tensor([[[0.1, -0.2]], [[0.3, 0.4]]])
    f, c, h = features, inputs[..., :1], inputs[..., 1:]
    found = f.tanh() + 2 * (c - f).tanh() + 3 * (0.5 * f + 3 * h).tanh()
    found += 4 * torch.tensor(2.0).tanh() + 0.25
    torch.testing.assert_close(deep(features, inputs), features + found)


def test_it_is_held_back_in_training_alone() -> None:
    deep = DeepOutput(8, 4, Dropout(0.5, variational=True))
    features, inputs = torch.ones(2, 3, 8), torch.ones(2, 3, 4)
    torch.manual_seed(1)
    found = deep(features, inputs)
    assert torch.equal(found[:, 0], found[:, 1])  # the same units at all steps
    assert not torch.allclose(found[0], found[1])
    assert torch.equal(deep.eval()(features, inputs), deep(features, inputs))
