from typing import Any

import pytest

from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError
from pipeline.task import Task
from pipeline.tokenizer import TokenizerConfig


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"], ["a", "b", "a"]])
def test_labels_are_two_different_ones_or_more(labels: list[str]) -> None:
    message = r"^data\.labels: expected two different labels or more, got \["
    with pytest.raises(ConfigError, match=message):
        DataConfig(path="x", task="classification", labels=labels)
    assert DataConfig(path="x", task="classification", labels=["b", "a"]).labels == ["b", "a"]


def test_a_window_of_one_number_has_nothing_to_forecast() -> None:
    message = r"^data\.max_tokens: expected 2 or more for a series, got 1$"
    with pytest.raises(ConfigError, match=message):
        DataConfig(path="x", task="forecast", max_tokens=1)
    assert DataConfig(path="x", task="forecast", max_tokens=2).max_tokens == 2
    assert DataConfig(path="x", task="language_model", max_tokens=1).max_tokens == 1


@pytest.mark.parametrize("name", ["held_out_rows", "max_tokens", "context_tokens", "batch_tokens"])
def test_sizes_are_one_or_more(name: str) -> None:
    values: dict[str, Any] = {name: 0}
    with pytest.raises(ConfigError, match=rf"^data\.{name}: expected 1 or more, got 0$"):
        DataConfig(path="x", **values)


def test_a_ratio_is_of_the_longer_side() -> None:
    with pytest.raises(ConfigError, match=r"^data\.max_length_ratio: expected 1 or more, got 0\.9"):
        DataConfig(path="x", max_length_ratio=0.9)


@pytest.mark.parametrize("task", ["translation", "chat", "language_model", "forecast"])
def test_labels_are_for_classification(task: Task) -> None:
    with pytest.raises(ConfigError, match=rf"^data\.labels: expected .*, got the task {task}$"):
        DataConfig(path="x", task=task, labels=["a", "b"])


@pytest.mark.parametrize("task", ["classification", "language_model", "forecast"])
def test_a_dialogue_is_for_chat(task: Task) -> None:
    with pytest.raises(ConfigError, match=rf"^data\.dialogue: expected .*, got the task {task}$"):
        DataConfig(path="x", task=task, dialogue="turns")
    assert DataConfig(path="x", dialogue="turns").is_chat


@pytest.mark.parametrize(("name", "value"), [("reverse", True), ("max_target_repeats", 3)])
def test_what_is_for_chat_is_refused_elsewhere(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^data.{name}: expected with the task chat, got trans"):
        DataConfig(path="x", **{name: value})  # type: ignore[arg-type]
    DataConfig(path="x", task="chat", **{name: value})  # type: ignore[arg-type]


def test_a_reply_is_repeated_no_less_than_never() -> None:
    with pytest.raises(ConfigError, match=r"^data.max_target_repeats: expected 0 or more, got -1"):
        DataConfig(path="x", task="chat", max_target_repeats=-1)


@pytest.mark.parametrize(
    ("source", "target", "directions"),
    [
        ("a", "b", ["a to b"]),
        ("en", ["de", "fr"], ["en to de", "en to fr"]),
        (["de", "fr"], "en", ["de to en", "fr to en"]),
        (["en", "ko"], ["en", "ko"], ["en to ko", "ko to en"]),
    ],
)
def test_languages_give_directions(
    source: str | list[str], target: str | list[str], directions: list[str]
) -> None:
    config = DataConfig(path="x", source=source, target=target)
    assert list(map(str, config.directions)) == directions
    assert config.is_multilingual == (len(directions) > 1)
    assert DataConfig(path="x", source=["a"], target="b").is_multilingual


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": []}, r"data\.source: expected different columns, got \[\]"),
        ({"source": ["a", ""]}, r"data\.source: expected different columns, got \['a', ''\]"),
        ({"target": ["a", "a"]}, r"data\.target: expected different columns, got \['a', 'a'\]"),
        (
            {"source": ["a"], "target": "a"},
            r"data\.source: a has no other language to go with; got data\.source \['a'\] and .* a",
        ),
        (
            {"source": ["a"], "target": ["b", "a"]},
            r"data\.target: a has no other language to go with; got .*",
        ),
        (
            {"source": ["a", "b"], "task": "classification"},
            r"data\.source, data\.target: expected one column each with the task classification, "
            r"got \['a', 'b'\] and target",
        ),
        ({"source": ["a"], "dialogue": "turns"}, r"data\.source, .* with the task chat, got .*"),
        (
            {"source": ["a"], "tokenizer": TokenizerConfig(joint=False)},
            r"data\.tokenizer\.joint: expected true where data\.source or data\.target is a list",
        ),
        (
            {"path": ["a.en", "a.de"], "source": "en", "target": ["de", "fr"]},
            r"data\.path: expected one path, or an aligned text file for each of en, de, fr, got 2",
        ),
    ],
)
def test_languages_that_cannot_be_are_said(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        DataConfig(**{"path": "x", **values})


def test_larger_batches_begin_at_a_step_and_are_of_text() -> None:
    with pytest.raises(ConfigError, match=r"^data.ending_from: expected 0 or more, got -1"):
        DataConfig(path="x", ending_from=-1)
    with pytest.raises(ConfigError, match=r"^data.ending_batch_tokens: expected 1 or more, got 0"):
        DataConfig(path="x", ending_batch_tokens=0)
    with pytest.raises(
        ConfigError, match=r"^data.ending_from: expected with text, got .* forecast"
    ):
        DataConfig(path="x", task="forecast", ending_from=5)
