import torch

from pipeline.nn.lexical import LexicalPath


def test_what_words_add_by_hand() -> None:
    path = LexicalPath(2)
    with torch.no_grad():
        path.W_l.weight.copy_(torch.tensor([[0.0, 1.0], [0.5, 0.0]]))
    words = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    through = torch.tensor([[0.0, 0.5], [2.0, 0.0]]).tanh()
    torch.testing.assert_close(path(words), words + through)
