import pytest
import torch

from pipeline.nn.dropout import Dropout, EmbeddingDropout, WordDropout

SHAPE = (200, 1003)  # not a multiple of the eight units that share a number


def dropped(p: float, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    torch.manual_seed(1)
    outputs: torch.Tensor = Dropout(p)(torch.ones(shape))
    return outputs


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_a_share_of_p_is_zeroed_and_the_mean_stays(p: float) -> None:
    outputs = dropped(p)
    num_units = outputs.numel()
    # p is rounded to 1/256; six standard deviations of a count of independent units.
    allowed = 1 / 512 + 6 * (p * (1 - p) / num_units) ** 0.5
    assert float((outputs == 0).float().mean()) == pytest.approx(p, abs=allowed)
    assert float(outputs.mean()) == pytest.approx(1.0, abs=6 * (p / (1 - p) / num_units) ** 0.5)


def test_what_is_kept_is_scaled_by_the_share_that_is_really_kept() -> None:
    # 0.2 is rounded to 51/256, so the kept ones are scaled by 256/205.
    assert dropped(0.2).unique().tolist() == [0.0, pytest.approx(256 / 205)]


@pytest.mark.parametrize("p", [0.0, 0.001])
def test_a_rate_that_rounds_to_zero_is_the_identity(p: float) -> None:
    inputs = torch.randn(9)
    assert Dropout(p)(inputs) is inputs


def test_in_evaluation_it_is_the_identity() -> None:
    inputs = torch.randn(9)
    assert Dropout(0.5).eval()(inputs) is inputs


def test_gradient_flows_only_where_units_are_kept() -> None:
    inputs = torch.ones(1000, requires_grad=True)
    outputs = Dropout(0.5)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, outputs.detach())
    assert 0 < int((inputs.grad == 0).sum()) < 1000


def test_the_same_seed_gives_the_same_units_and_the_next_call_others() -> None:
    first, again = dropped(0.5), dropped(0.5)
    assert torch.equal(first, again)
    assert not torch.equal(first, Dropout(0.5)(torch.ones(SHAPE)))


@pytest.mark.parametrize("position", range(8))
def test_each_of_the_eight_units_of_a_number_is_dropped_alike(position: int) -> None:
    zeroed = (dropped(0.3, (40_000, 8)) == 0).float()
    # Six standard deviations of a share of 40,000.
    assert float(zeroed[:, position].mean()) == pytest.approx(77 / 256, abs=0.014)


@pytest.mark.parametrize("distance", [1, 2, 4, 7, 8, 64])
def test_units_at_any_distance_are_independent(distance: int) -> None:
    zeroed = (dropped(0.5, (320_000,)) == 0).double()
    pairs = torch.stack([zeroed[:-distance], zeroed[distance:]])
    # A correlation of independent units has a standard deviation of 1 / sqrt(320,000) = 0.0018.
    assert abs(float(torch.corrcoef(pairs)[0, 1])) < 0.01


def test_the_dtype_stays_under_bfloat16() -> None:
    outputs = Dropout(0.5)(torch.ones(64, dtype=torch.bfloat16))
    assert outputs.dtype == torch.bfloat16
    assert outputs.unique().tolist() == [0.0, 2.0]


def test_variational_dropout_treats_a_unit_alike_at_all_time_steps() -> None:
    zeroed = Dropout(0.5, variational=True)(torch.ones(40, 7, 30)) == 0
    assert torch.equal(zeroed, zeroed[:, :1].expand_as(zeroed))
    by_row = zeroed[:, 0].float()
    assert 0.4 < float(by_row.mean()) < 0.6
    assert len(by_row.unique(dim=0)) == 40  # each row has units of its own


def test_variational_dropout_of_states_knows_no_time() -> None:
    zeroed = Dropout(0.5, variational=True)(torch.ones(40, 30)) == 0
    assert len(zeroed.unique(dim=0)) == 40


def test_word_dropout_zeroes_whole_vectors() -> None:
    outputs = WordDropout(0.25)(torch.ones(50, 40, 6))
    assert torch.equal(outputs, outputs[..., :1].expand_as(outputs))
    assert float((outputs[..., 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.06)
    assert outputs.unique().tolist() == [0.0, pytest.approx(4 / 3)]


def test_embedding_dropout_zeroes_all_tokens_of_a_word_in_a_sentence() -> None:
    torch.manual_seed(1)
    token_ids = torch.randint(30, (200, 60))
    kept = EmbeddingDropout(0.25)(torch.ones(200, 60, 6), token_ids)
    assert torch.equal(kept, kept[..., :1].expand_as(kept))
    assert kept.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    is_dropped = kept[..., 0] == 0
    by_word = torch.stack([is_dropped.where(token_ids == word, False) for word in range(30)])
    occurrences = torch.stack([token_ids == word for word in range(30)])
    is_none, is_all = ~by_word.any(dim=-1), (by_word == occurrences).all(dim=-1)
    assert bool((is_none | is_all).all())
    # Six standard deviations of a share of 200 sentences x 30 words.
    share = float(by_word.any(dim=-1).float().mean())
    assert share == pytest.approx(0.25 * float(occurrences.any(dim=-1).float().mean()), abs=0.034)


def test_embedding_dropout_takes_other_words_of_each_sentence() -> None:
    token_ids = torch.arange(40).expand(50, 40)
    kept = EmbeddingDropout(0.5)(torch.ones(50, 40, 2), token_ids)
    assert len(kept[..., 0].unique(dim=0)) == 50


def test_embedding_dropout_in_evaluation_is_the_identity() -> None:
    vectors = torch.randn(2, 3, 4)
    assert EmbeddingDropout(0.5).eval()(vectors, torch.zeros(2, 3, dtype=torch.long)) is vectors
