from typing import Any

import pytest
import yaml

from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import TokenizerConfig
from pipeline.training.config import RunConfig, TrainerConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", 0),
        ("devices", 0),
        ("validate_every", -1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("max_gradient_norm", -1.0),
        ("warmup_steps", -1),
        ("weight_decay", -0.1),
        ("patience", -1),
        ("average_checkpoints", -1),
        ("label_smoothing", 1.0),
        ("label_smoothing", -0.1),
        ("ema_decay", 1.0),
        ("ema_decay", -0.1),
        ("max_time", ""),
        ("max_time", "90"),
        ("max_time", "1h"),
        ("max_time", "00:01:00 "),
        ("max_time", "1:2:3:4:5"),
        ("max_time", "-1:00"),
    ],
)
def test_a_bad_value_is_an_error_that_names_its_key(name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainerConfig(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"trainer.{name}: expected ")
    assert message.endswith(f", got {value}")


@pytest.mark.parametrize(
    "values",
    [
        {"max_steps": 1, "devices": 1, "validate_every": 1},
        {"warmup_steps": 0, "weight_decay": 0.0, "patience": 0},
        {"label_smoothing": 0.0, "ema_decay": 0.0},
    ],
)
def test_the_least_values_are_fine(values: dict[str, Any]) -> None:
    assert vars(TrainerConfig(**values)).items() >= values.items()


@pytest.mark.parametrize(
    ("max_time", "seconds"),
    [
        (None, None),
        ("01:30", 90),
        ("00:01:30", 90),
        ("1:00:00", 3600),
        ("01:02:03:04", 86400 + 2 * 3600 + 3 * 60 + 4),
        ("90:00", 5400),
        ("00:00", 0),
    ],
)
def test_max_time_in_seconds(max_time: str | None, seconds: float | None) -> None:
    assert TrainerConfig(max_time=max_time).max_seconds == seconds


def test_a_run_is_plain_values_that_yaml_gives_back() -> None:
    run = RunConfig(
        data=DataConfig(path=["a.de", "a.en"]),
        model=ModelConfig(cell="gru"),
        trainer=TrainerConfig(max_time="00:10:00"),
        name="x",
    )
    values = yaml.safe_load(yaml.safe_dump(run.as_dict()))
    assert values == run.as_dict()
    assert values["data"]["tokenizer"]["vocab_size"] == run.data.tokenizer.vocab_size
    assert (values["name"], values["seed"], values["model"]["cell"]) == ("x", 1, "gru")
    assert TrainerConfig(**values["trainer"]) == run.trainer


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DataConfig(path="a.csv", task="chat"), "expected data.dialogue, the column of the turns"),
        (
            DataConfig(path="a.csv", dialogue="t", tokenizer=TokenizerConfig(joint=False)),
            "data.tokenizer.joint: expected true",
        ),
        (
            DataConfig(path="a.csv", dialogue="t", tokenizer=TokenizerConfig(sampling_alpha=0.1)),
            "data.tokenizer.sampling_alpha: not possible with model.memory recurrent, got 0.1",
        ),
        (
            DataConfig(path="a.csv", dialogue="t", reverse=True),
            "data.reverse: not possible with model.memory recurrent, got True",
        ),
        (
            DataConfig(path="a.csv", dialogue="t", ending_from=9),
            "data.ending_from: not possible with model.memory recurrent, got 9",
        ),
        (
            DataConfig(path="a.csv", dialogue="t", max_target_repeats=3),
            "data.max_target_repeats: not possible with model.memory recurrent, got 3",
        ),
    ],
)
def test_a_memory_wants_conversations(data: DataConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig(name="x", data=data, model=ModelConfig(memory="recurrent"))


@pytest.mark.parametrize(
    ("data", "model", "trainer"),
    [
        ({"task": "classification"}, {}, {}),
        ({"dialogue": "t"}, {"memory": "recurrent"}, {}),
        ({"task": "chat"}, {}, {"frequency_weighting": 0.4}),
    ],
)
def test_two_passes_are_for_pairs(
    data: dict[str, str], model: dict[str, str], trainer: dict[str, float]
) -> None:
    with pytest.raises(ConfigError, match=r"^trainer\.r_drop: "):
        RunConfig(
            name="x",
            data=DataConfig(path="a.csv", **data),  # type: ignore[arg-type]
            model=ModelConfig(**model),  # type: ignore[arg-type]
            trainer=TrainerConfig(r_drop=5, **trainer),  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    ("data", "trainer", "message"),
    [
        ({"task": "classification"}, {}, "expected with translation; got classification"),
        ({"dialogue": "t"}, {}, "expected with translation; got chat"),
        ({}, {"r_drop": 5.0}, "not possible with trainer.r_drop"),
        ({}, {"frequency_weighting": 0.4}, "not possible with trainer.frequency_weighting"),
    ],
)
def test_minimum_risk_is_for_translation(
    data: dict[str, str], trainer: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^trainer\.minimum_risk: {message}"):
        RunConfig(
            name="x",
            data=DataConfig(path="a.csv", **data),  # type: ignore[arg-type]
            trainer=TrainerConfig(minimum_risk=4, **trainer),  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    ("data", "model", "trainer", "message"),
    [
        ({"task": "classification"}, {}, {}, "expected with translation, or with chat"),
        ({"dialogue": "t"}, {"memory": "recurrent"}, {}, "expected .* got chat with one"),
        ({}, {}, {"r_drop": 5.0}, "not possible with trainer.r_drop"),
        ({}, {}, {"minimum_risk": 4}, "not possible with trainer.minimum_risk"),
        (
            {"tokenizer": TokenizerConfig(sampling_alpha=0.2)},
            {},
            {},
            "not possible with data.tokenizer.sampling_alpha",
        ),
    ],
)
def test_teachers_are_for_pairs_that_stay_as_they_are(
    data: dict[str, Any], model: dict[str, Any], trainer: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^trainer\.teachers: {message}"):
        RunConfig(
            name="x",
            data=DataConfig(path="a.csv", **data),
            model=ModelConfig(**model),
            trainer=TrainerConfig(teachers=["a"], **trainer),
        )


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_teachers_have_a_share(share: float) -> None:
    with pytest.raises(ConfigError, match=rf"teacher_share: expected 0 < .* <= 1, got {share}"):
        TrainerConfig(teacher_share=share)


@pytest.mark.parametrize("num", [-1, 1])
def test_samples_have_to_be_compared(num: int) -> None:
    with pytest.raises(ConfigError, match=f"minimum_risk: expected 0 or at least 2 .* got {num}"):
        TrainerConfig(minimum_risk=num)


def test_there_is_one_average_or_the_other() -> None:
    with pytest.raises(ConfigError, match=r"average_checkpoints: .*ema_decay 0; got 5, and 0.9"):
        TrainerConfig(average_checkpoints=5, ema_decay=0.9)
