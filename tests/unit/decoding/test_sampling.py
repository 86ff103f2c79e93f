import math

import pytest
import torch
from torch import Tensor

from pipeline.decoding import Sampler
from pipeline.errors import ConfigError

PROBABILITIES = [0.05, 0.5, 0.15, 0.3]


def logits(*rows: list[float]) -> Tensor:
    return torch.tensor(rows or [PROBABILITIES]).log()


def distribution(sampler: Sampler) -> list[float]:
    (row,) = sampler.probabilities(logits()).tolist()
    assert isinstance(row, list)
    return row


def test_all_defaults_are_the_models_own_distribution() -> None:
    assert distribution(Sampler()) == pytest.approx(PROBABILITIES)


@pytest.mark.parametrize(
    ("top_k", "expected"),
    [
        (1, [0, 1, 0, 0]),
        (2, [0, 0.5 / 0.8, 0, 0.3 / 0.8]),
        (3, [0, 0.5 / 0.95, 0.15 / 0.95, 0.3 / 0.95]),
        (4, PROBABILITIES),
        (9, PROBABILITIES),
    ],
)
def test_the_k_most_probable_by_hand(top_k: int, expected: list[float]) -> None:
    assert distribution(Sampler(top_k=top_k)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (1e-9, [0, 1, 0, 0]),
        (0.49, [0, 1, 0, 0]),
        (0.51, [0, 0.5 / 0.8, 0, 0.3 / 0.8]),
        (0.79, [0, 0.5 / 0.8, 0, 0.3 / 0.8]),
        (0.81, [0, 0.5 / 0.95, 0.15 / 0.95, 0.3 / 0.95]),
        (0.96, PROBABILITIES),
    ],
)
def test_the_smallest_set_that_holds_p_by_hand(top_p: float, expected: list[float]) -> None:
    assert distribution(Sampler(top_p=top_p)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("min_p", "expected"),
    [
        (0.0, PROBABILITIES),
        (0.09, PROBABILITIES),
        (0.11, [0, 0.5 / 0.95, 0.15 / 0.95, 0.3 / 0.95]),
        (0.29, [0, 0.5 / 0.95, 0.15 / 0.95, 0.3 / 0.95]),
        (0.31, [0, 0.5 / 0.8, 0, 0.3 / 0.8]),
        (0.61, [0, 1, 0, 0]),
        (1.0, [0, 1, 0, 0]),
    ],
)
def test_a_share_of_the_most_probable_by_hand(min_p: float, expected: list[float]) -> None:
    assert distribution(Sampler(min_p=min_p)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("epsilon", "expected"),
    [
        (0.0, PROBABILITIES),
        (0.04, PROBABILITIES),
        (0.06, [0, 0.5 / 0.95, 0.15 / 0.95, 0.3 / 0.95]),
        (0.29, [0, 0.5 / 0.8, 0, 0.3 / 0.8]),
        (0.31, [0, 1, 0, 0]),
        (0.9, [0, 1, 0, 0]),  # the most probable stays
    ],
)
def test_a_least_probability_by_hand(epsilon: float, expected: list[float]) -> None:
    assert distribution(Sampler(epsilon=epsilon)) == pytest.approx(expected)


def test_the_share_is_of_the_tempered_distribution() -> None:
    # At half the temperature 0.3 has 0.09 / 0.25 = 0.36 of the most probable.
    assert distribution(Sampler(temperature=0.5, min_p=0.5)) == pytest.approx([0, 1, 0, 0])
    assert distribution(Sampler(temperature=1.0, min_p=0.5)) == pytest.approx(
        [0, 0.5 / 0.8, 0, 0.3 / 0.8]
    )


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_temperature_by_hand(temperature: float) -> None:
    powers = [p ** (1 / temperature) for p in PROBABILITIES]
    expected = [power / sum(powers) for power in powers]
    assert distribution(Sampler(temperature=temperature)) == pytest.approx(expected)


def test_the_temperature_comes_before_the_cut_off() -> None:
    # At half the temperature the squares count: 0.25 of 0.365 is 0.68 already.
    assert distribution(Sampler(temperature=0.5, top_p=0.6)) == pytest.approx([0, 1, 0, 0])
    assert distribution(Sampler(temperature=1.0, top_p=0.6)) == pytest.approx(
        [0, 0.5 / 0.8, 0, 0.3 / 0.8]
    )


def test_k_is_cut_off_before_p() -> None:
    # Of the two most probable the first holds 0.625, so it alone holds 0.6.
    assert distribution(Sampler(top_k=2, top_p=0.6)) == pytest.approx([0, 1, 0, 0])


def test_each_row_has_its_own_cut_off() -> None:
    found = Sampler(top_p=0.6).probabilities(logits(PROBABILITIES, [0.7, 0.1, 0.1, 0.1]))
    assert (found > 0).tolist() == [[False, True, False, True], [True, False, False, False]]


def test_what_is_impossible_stays_so() -> None:
    scores = logits()
    scores[0, 1] = -math.inf
    assert Sampler(temperature=5.0).probabilities(scores)[0, 1] == 0


def test_temperature_zero_takes_the_most_probable() -> None:
    assert Sampler(temperature=0.0)(logits(PROBABILITIES, [0.7, 0.1, 0.1, 0.1])).tolist() == [1, 0]


def test_the_logits_are_left_as_they_were() -> None:
    scores = logits()
    before = scores.clone()
    Sampler(temperature=0.5, top_k=2, top_p=0.6)(scores)
    assert torch.equal(scores, before)


@pytest.mark.parametrize("sampler_seed", range(3))
def test_draws_follow_the_distribution(sampler_seed: int) -> None:
    num_draws = 20_000
    sampler = Sampler(generator=torch.Generator().manual_seed(sampler_seed))
    draws = sampler(logits().expand(num_draws, -1))
    counts = torch.bincount(draws, minlength=4)
    expected = num_draws * torch.tensor(PROBABILITIES)
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert chi_squared < 16.27  # exceeded by one in a thousand, at three degrees of freedom


def test_draws_stay_within_the_cut_off() -> None:
    sampler = Sampler(top_k=2, generator=torch.Generator().manual_seed(0))
    assert sampler(logits().expand(1000, -1)).unique().tolist() == [1, 3]


def test_the_generator_alone_decides() -> None:
    def draws(seed: int, global_seed: int) -> list[int]:
        torch.manual_seed(global_seed)
        sampler = Sampler(generator=torch.Generator().manual_seed(seed))
        found: list[int] = sampler(logits().expand(100, -1)).tolist()
        return found

    assert draws(1, 1) == draws(1, 2)
    assert draws(1, 1) != draws(2, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.inf),
        ("temperature", math.nan),
        ("top_k", -1),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", math.nan),
        ("epsilon", -0.1),
        ("epsilon", 1.0),
    ],
)
def test_a_bad_value_is_an_error_that_names_it(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: expected .*, got {value}$"):
        Sampler(**{name: value})  # type: ignore[arg-type]
