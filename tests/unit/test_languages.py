import pytest

from pipeline.errors import ConfigError
from pipeline.languages import Direction, choose_target, directions_between, targets_of


def test_lists_give_every_direction_but_into_itself() -> None:
    assert directions_between("en", ["de", "en", "fr"]) == [("en", "de"), ("en", "fr")]
    assert directions_between(["de", "fr"], "en") == [("de", "en"), ("fr", "en")]
    both = directions_between(["en", "ko"], ["en", "ko"])
    assert list(map(str, both)) == ["en to ko", "ko to en"]
    assert directions_between(["en"], ["en"]) == []


def test_two_columns_are_one_direction_whatever_they_are_called() -> None:
    assert directions_between("text", "text") == [Direction("text", "text")]


def test_a_target_is_named_once() -> None:
    assert targets_of(directions_between(["de", "fr", "en"], ["en", "de"])) == ["en", "de"]


def test_the_only_target_need_not_be_named() -> None:
    directions = directions_between(["de", "fr"], "en")
    assert [choose_target(directions, each, called="x") for each in (None, "en")] == ["en"] * 2
    with pytest.raises(ConfigError, match="^x: expected en, got de$"):
        choose_target(directions, "de", called="x")


@pytest.mark.parametrize(("language", "got"), [(None, "none"), ("en", "en"), ("", "none")])
def test_of_several_targets_one_has_to_be_named(language: str | None, got: str) -> None:
    directions = directions_between("en", ["de", "fr"])
    assert choose_target(directions, "fr", called="--to") == "fr"
    with pytest.raises(ConfigError, match=f"^--to: expected one of de, fr, got {got}$"):
        choose_target(directions, language, called="--to")
