import torch

from pipeline.nn.coverage import Coverage, Looks


def test_a_place_is_scored_by_what_was_looked_at_there_and_beside_it() -> None:
    torch.manual_seed(1)
    coverage = Coverage(3)
    queries = torch.randn(1, 2, 3)
    weights = torch.tensor([[[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]])
    before = Looks(covered=torch.tensor([[1.0, 2.0, 0.0]]), last=torch.tensor([[0.0, 1.0, 0.0]]))
    with torch.no_grad():
        scores, after = coverage(queries, weights, before)

    covered = [[1.0, 2.0, 0.0], [1.5, 2.5, 0.0]]  # by all steps before each of the two
    last = [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]
    kernel, bias = coverage.U.weight.detach(), coverage.U.bias
    assert bias is not None
    for t in range(2):
        for s in range(3):
            found = bias.detach().clone()
            for offset in (-1, 0, 1):
                if 0 <= s + offset < 3:
                    found += kernel[:, 0, offset + 1] * covered[t][s + offset]
                    found += kernel[:, 1, offset + 1] * last[t][s + offset]
            expected = coverage.Q(queries[0, t]) @ torch.tanh(found)
            torch.testing.assert_close(scores[0, t, s], expected.detach())
    torch.testing.assert_close(after.covered, torch.tensor([[1.5, 2.75, 0.75]]))
    torch.testing.assert_close(after.last, weights[:, -1])


def test_the_second_query_knows_what_the_first_look_found() -> None:
    coverage = Coverage(3)
    queries, contexts = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    expected = queries + torch.einsum("hi,bti->bth", coverage.W_f.weight, contexts)
    torch.testing.assert_close(coverage.query(queries, contexts), expected)
