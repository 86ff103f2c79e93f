import math
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.search_settings import SearchSettings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beam_size": 0}, "beam_size: expected 1 or more, got 0"),
        ({"beam_size": 2, "length_penalty": -0.1}, "length_penalty: expected 0 or more, got -0.1"),
        ({"beam_size": 2, "length_penalty": math.nan}, "length_penalty: .* got nan"),
        ({"beam_size": 2, "coverage_penalty": -1.0}, "coverage_penalty: expected 0 or more"),
        ({"beam_size": 2, "coverage_penalty": math.inf}, "coverage_penalty: .* got inf"),
        ({"length_penalty": 0.5}, "length_penalty: expected a beam_size of 2 or more"),
        ({"coverage_penalty": 0.5}, "coverage_penalty: expected a beam_size of 2 or more"),
        ({"beam_size": 2, "reverse_weight": -1.0}, "reverse_weight: expected 0 or more"),
        ({"reverse_weight": 0.3}, "reverse_weight: expected a beam_size of 2 or more"),
        ({"mbr": -1}, r"mbr: expected 0 \(off\) or 2 or more, got -1"),
        ({"mbr": 1}, r"mbr: expected 0 \(off\) or 2 or more, got 1"),
        ({"mbr": 4, "beam_size": 2}, "mbr: expected a beam_size of 1"),
        ({"mbr": 4, "coverage_penalty": 0.5}, "coverage_penalty: expected a beam_size of 2"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_that_names_it(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        SearchSettings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"beam_size": 2, "length_penalty": 0.0, "coverage_penalty": 0.2},
        {"beam_size": 2, "reverse_weight": 0.3},
        {"mbr": 2},
    ],
)
def test_values_that_can(values: dict[str, Any]) -> None:
    SearchSettings(**values)


def test_a_beam_size_alone_is_a_setting_and_not_one_beside_others() -> None:
    settings = SearchSettings(beam_size=3, length_penalty=0.5)
    assert SearchSettings.of(4, None) == SearchSettings(beam_size=4)
    assert SearchSettings.of(1, settings) is settings
    with pytest.raises(ConfigError, match="^beam_size: expected it in the settings, got 4 beside"):
        SearchSettings.of(4, settings)


def test_there_are_no_more_hypotheses_than_the_beam_is_wide() -> None:
    settings = SearchSettings(beam_size=3)
    settings.check_n_best(1)
    settings.check_n_best(3)
    for n_best in (0, 4):
        with pytest.raises(ConfigError, match=r"^n_best: expected 1 to the beam_size \(3\), got"):
            settings.check_n_best(n_best)
    with pytest.raises(ConfigError, match="^n_best: expected none with mbr, got 2$"):
        SearchSettings(mbr=3).check_n_best(2)
