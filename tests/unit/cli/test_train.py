import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.cli.train import parse
from pipeline.errors import ConfigError
from pipeline.model_folder import build_network
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.seq2seq import Seq2Seq

_CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))
_VOCAB_SIZE = 40
_PATH = "data: {path: corpus.tsv}\n"

WriteConfig = Callable[..., str]


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    def write(text: str, name: str = "small.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_defaults_are_those_of_the_sections() -> None:
    config = parse(["--data.path", "corpus.tsv"])
    assert config.data.path == "corpus.tsv"
    assert (config.model.cell, config.trainer.max_steps, config.seed) == ("gru", 3000, 1)
    assert config.name == "run"


def test_what_a_file_says_and_what_it_does_not(write_config: WriteConfig) -> None:
    path = write_config(_PATH + "model: {cell: lstm}\ntrainer: {learning_rate: 4e-3}\nseed: 7\n")
    config = parse(["--config", path])
    assert (config.model.cell, config.model.attention) == ("lstm", "general")
    assert (config.trainer.learning_rate, config.seed) == (0.004, 7)


def test_a_later_file_wins_and_leaves_the_rest(write_config: WriteConfig) -> None:
    first = write_config(
        "data: {path: corpus.tsv, tokenizer: {vocab_size: 500}}\n"
        "model: {cell: lstm, hidden_size: 64}\n",
        "one.yaml",
    )
    second = write_config(
        "model: {hidden_size: 32}\ndata: {tokenizer: {model_type: bpe}}\n", "two.yaml"
    )
    config = parse(["--config", first, f"--config={second}"])
    assert (config.model.cell, config.model.hidden_size) == ("lstm", 32)
    assert (config.data.tokenizer.vocab_size, config.data.tokenizer.model_type) == (500, "bpe")
    assert config.name == "one"


def test_the_command_line_wins(write_config: WriteConfig) -> None:
    path = write_config(_PATH + "model: {cell: lstm}\ntrainer: {max_steps: 10}\nname: file\n")
    options = ["--model.cell=elman", "--trainer.max_steps", "20", "--name", "word", "--seed", "9"]
    config = parse(["--config", path, *options])
    assert (config.model.cell, config.trainer.max_steps) == ("elman", 20)
    assert (config.name, config.seed) == ("word", 9)


@pytest.mark.parametrize(
    ("value", "expected"), [("corpus", "corpus"), ("[a.de, a.en]", ["a.de", "a.en"])]
)
def test_a_path_or_two(write_config: WriteConfig, value: str, expected: str | list[str]) -> None:
    assert parse(["--data.path", value]).data.path == expected
    assert parse(["--config", write_config(f"data: {{path: {value}}}")]).data.path == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle: {cell: lstm}", "unknown key modle.cell; the nearest known one is model.cell"),
        ("model: {cel: gru}", "unknown key model.cel; the nearest known one is model.cell"),
        ("trainer: {steps: 5}", "unknown key trainer.steps"),
        ("data: {tokenizer: {vocabsize: 9}}", "nearest known one is data.tokenizer.vocab_size"),
        ("sead: 3", "unknown key sead; the nearest known one is seed"),
        ("5: 3", "unknown key 5"),
    ],
)
def test_an_unknown_key_in_a_file(write_config: WriteConfig, text: str, message: str) -> None:
    path = write_config(text)
    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        parse(["--config", path, "--data.path", "x"])
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize("option", ["--model.cel=gru", "--modle.cell", "--mode.cell=gru"])
def test_an_unknown_key_on_the_command_line(option: str) -> None:
    with pytest.raises(ConfigError, match="command line: .*; the nearest known one is model.cell"):
        parse(["--data.path", "x", option, "gru"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("trainer.max_steps", "many"),
        ("trainer.max_steps", "1.5"),
        ("trainer.max_steps", "true"),
        ("trainer.learning_rate", "fast"),
        ("trainer.schedule", "linear"),
        ("trainer.max_time", "soon"),
        ("model.cell", "rnn"),
        ("model.dropout", "1"),
        ("model.residual", "perhaps"),
        ("data.tokenizer.model_type", "word"),
        ("data.task", "talk"),
        ("seed", "one"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(
    write_config: WriteConfig, key: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=key) as raised:
        parse(["--data.path", "x", f"--{key}", value])
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match=key):
        parse(["--config", write_config(_PATH + f"{key}: {value}")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: [", "expected YAML"),
        ("a: \x00", "expected YAML"),
        ("- model", "expected sections such as data: and model:"),
        ("model", "expected sections"),
        ("", "expected sections"),
    ],
)
def test_a_file_that_is_no_configuration(
    write_config: WriteConfig, text: str, message: str
) -> None:
    path = write_config(text)
    with pytest.raises(ConfigError, match=message) as raised:
        parse(["--config", path])
    assert str(raised.value).startswith(f"--config {path}: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: Größe\n".encode("latin-1"))
    for name, message in {
        "none.yaml": "No such file or directory",
        ".": "Is a directory",
        "latin.yaml": "expected YAML",
    }.items():
        with pytest.raises(ConfigError, match=message):
            parse(["--config", str(tmp_path / name)])


def test_a_run_needs_data(write_config: WriteConfig) -> None:
    for arguments in (["--seed", "1"], ["--config", write_config("seed: 1")]):
        with pytest.raises(ConfigError, match="data.path"):
            parse(arguments)


def test_stray_words_and_missing_values() -> None:
    for arguments, message in {
        ("--data.path", "x", "stray"): "stray",
        ("--data.path",): "data.path.*: expected one argument",
        ("--data.path", "x", "--config"): "--config",
    }.items():
        with pytest.raises(ConfigError, match=message):
            parse(arguments)


def test_the_name_is_that_of_the_first_file(write_config: WriteConfig) -> None:
    first, second = write_config(_PATH, "first.one.yaml"), write_config("seed: 2\n", "second.yaml")
    assert parse(["--config", first, "--config", second]).name == "first.one"
    assert parse(["--config", first, "--config", second, "--name", "own"]).name == "own"


@pytest.mark.parametrize("name", ["a/b", "/", "..", ".", "../x", "x/"])
def test_names_that_are_no_folder_under_runs(name: str, write_config: WriteConfig) -> None:
    with pytest.raises(ConfigError, match=r"--name: expected the name of a folder under runs"):
        parse(["--data.path", "x", "--name", name])
    with pytest.raises(ConfigError, match=r"--name: expected the name of a folder under runs"):
        parse(["--config", write_config(_PATH + f"name: {name}\n")])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:08:00", 480), ("08:00", 480), ("1:30:00", 5400), ("01:00:00:01", 86401)],
)
def test_max_time(write_config: WriteConfig, text: str, seconds: float) -> None:
    assert parse(["--data.path", "x", "--trainer.max_time", text]).trainer.max_seconds == seconds
    path = write_config(_PATH + f"trainer: {{max_time: '{text}'}}")
    assert parse(["--config", path]).trainer.max_seconds == seconds


def test_a_configuration_survives_yaml() -> None:
    config = parse(
        ["--data.path", "[a.de, a.en]", "--trainer.max_time", "10:00:00", "--model.dropout", "1e-5"]
    )
    written = yaml.safe_dump(config.as_dict(), sort_keys=False, allow_unicode=True)
    assert yaml.safe_load(written) == config.as_dict()


def test_there_are_configurations() -> None:
    assert {"phrasebook", "chat_english"} <= {path.stem for path in _CONFIGS}


@pytest.mark.parametrize("path", _CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_parses_and_builds(path: Path) -> None:
    config = parse(["--config", str(path)])
    assert config.name == path.stem
    data = config.data
    network = build_network(
        config.model, data.task, [data.tokenizer.vocab_size], num_labels=len(data.labels or ())
    )
    kinds = {
        "translation": Seq2Seq,
        "chat": Seq2Seq,
        "classification": SequenceClassifier,
        "language_model": LanguageModel,
        "forecast": Forecaster,
    }
    assert type(network) is kinds[data.task]


@pytest.mark.parametrize("path", _CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_is_short_and_says_what_it_is_for(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 30
    assert re.match(r"# [A-Z]", lines[0])
    assert any(line.startswith("#   make ") for line in lines[1:])


@pytest.mark.parametrize(("text", "seconds"), [("1:30:00", 5400), ("10:00", 600)])
def test_max_time_without_quotes(tmp_path: Path, text: str, seconds: int) -> None:
    (tmp_path / "c.yaml").write_text(f"data: {{path: x}}\ntrainer: {{max_time: {text}}}\n")
    assert parse(["--config", str(tmp_path / "c.yaml")]).trainer.max_seconds == seconds


def test_a_section_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("data: {path: x}\nmodel: [gru]\n")
    with pytest.raises(ConfigError, match="^model"):
        parse(["--config", str(tmp_path / "c.yaml")])


@pytest.mark.parametrize("path", sorted(Path("configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_configuration_restates_a_default(path: Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    default = parse(["--data.path", "x"]).as_dict()
    for section in ("model", "trainer"):
        for key, value in values.get(section, {}).items():
            assert value != default[section][key], f"{section}.{key}"


def test_a_configuration_that_goes_on_with_anothers_model_describes_that_model() -> None:
    continued = 0
    for path in _CONFIGS:
        run = parse(["--config", str(path)])
        if run.trainer.begin_with:
            name = Path(run.trainer.begin_with).parts[1]  # runs/NAME/model
            first = parse(["--config", str(path.with_name(f"{name}.yaml"))])
            assert run.model == first.model, path
            assert run.data.tokenizer == first.data.tokenizer, path
            continued += 1
    assert continued
