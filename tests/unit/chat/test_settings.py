import math

import pytest

from pipeline.chat import ChatSettings
from pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("repetition_penalty", 0.9, "expected 1 or more, got 0.9"),
        ("repetition_penalty", math.inf, "expected 1 or more, got inf"),
        ("repetition_penalty", math.nan, "expected 1 or more, got nan"),
        ("no_repeat_ngram", -1, "expected 0 or more, got -1"),
        ("no_repeat_context_ngram", 1.5, "expected a whole number, got 1.5"),
        ("min_tokens", -1, "expected 0 or more, got -1"),
        ("min_tokens", 61, r"expected max_tokens \(60\) or less, got 61"),
        ("num_candidates", 0, "expected 1 or more, got 0"),
        ("num_candidates", 101, "expected 100 or less, got 101"),
        ("mmi_weight", -0.1, "expected 0 or more, got -0.1"),
        ("mmi_weight", math.inf, "expected 0 or more, got inf"),
        ("unsure_below", 1.1, "expected 0 to 1, got 1.1"),
        ("unsure_below", math.nan, "expected 0 to 1, got nan"),
    ],
)
def test_a_bad_setting_is_an_error_that_names_it(name: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: {message}$"):
        ChatSettings(**{name: value})  # type: ignore[arg-type]


def test_the_defaults_are_greedy() -> None:
    settings = ChatSettings()
    assert (settings.temperature, settings.num_candidates, settings.unsure_below) == (0, 1, 0)
