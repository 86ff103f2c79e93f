import torch

from pipeline.nn.lexical import LexicalPath


def test_what_is_looked_at_by_hand() -> None:
    path = LexicalPath(2, 3)
    words = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [9.0, 9.0]]])
    weights = torch.tensor([[[1.0, 0.0, 0.0], [0.25, 0.75, 0.0]]])
    looked_at = torch.tensor([[[1.0, 0.0], [0.25, 1.5]]])
    torch.testing.assert_close(path(weights, words), torch.tanh(path.W_l(looked_at)))
