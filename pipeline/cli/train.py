"""`seq2seq train`: from a configuration to a model folder, scored on its test split."""

import difflib
import json
import logging
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import jsonargparse
import yaml
from rich.console import Console

from pipeline.cli.evaluate import write_hypotheses
from pipeline.cli.score_report import report
from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.training.config import RunConfig, TrainerConfig

_SECTIONS = {"data": DataConfig, "model": ModelConfig, "trainer": TrainerConfig}
_RUNS = Path("runs")


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    config = parse(arguments)
    command = shlex.join(["seq2seq", "train", *arguments])

    with warnings.catch_warnings():
        # Lightning imports a deprecated module of torch's; nothing that a user could mend.
        warnings.simplefilter("ignore")
        from pipeline.training.processes import is_first
        from pipeline.training.run import Run, train

        # Set after the import, which sets it itself.
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
        first = is_first()  # asked now: Lightning forgets it after the training
        if not first:
            logging.getLogger("pipeline").setLevel(logging.WARNING)
        folder = Run(_RUNS / config.name)
        trained = train(config, folder, command=command, console=Console(stderr=True))
    if not first:
        return
    if not trained:
        summary = json.loads(folder.finished.read_text(encoding="utf-8"))
        print(f"{folder.folder} had finished before, after {summary['steps']:,} steps")
    if not (folder.model / "config.json").is_file():
        raise ConfigError(f"{folder.model} is gone; delete {folder.folder} to train it again")
    if trained or not _is_scored(folder.model):
        _plot(folder.metrics, folder.folder / "learning_curve.png", title=config.name)
        _score(folder.model, folder.folder)
    _say_what_next(folder.model, config.data)


def parse(arguments: Sequence[str]) -> RunConfig:
    """The configuration of these arguments.

    Raises:
        ConfigError: A file or key is unknown, or a value is not of its kind.
    """
    parser = _parser()
    known = set(_known_keys())
    for key in _keys_on_command_line(arguments):
        _refuse_unknown(key, known, where="command line")
    for path in _config_files(arguments):
        values_of_file = _read(path)
        for section in _SECTIONS:
            if not isinstance(values_of_file.get(section, {}), Mapping):
                raise ConfigError(f"{section}: expected keys and values below it in {path}")
        for key in _keys(values_of_file):
            _refuse_unknown(key, known, where=path)
    try:
        values = parser.parse_args(list(arguments))
        sections = parser.instantiate(values)
    except (jsonargparse.ArgumentError, TypeError, ValueError) as error:
        raise ConfigError(" ".join(str(error).split())) from error
    if not values.config and values.data.path is None:
        raise ConfigError("expected --config FILE.yaml, or at least --data.path")
    name = values.name or (Path(_config_files(arguments)[0]).stem if values.config else "run")
    if "/" in name or name in ("", ".", ".."):
        raise ConfigError(f"--name: expected the name of a folder under runs, got '{name}'")
    return RunConfig(
        data=sections.data,
        model=sections.model,
        trainer=sections.trainer,
        name=name,
        seed=values.seed,
    )


def _parser() -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(
        prog="seq2seq train", description=__doc__, exit_on_error=False, allow_abbrev=False
    )
    parser.add_argument("--config", action="config", help="a YAML file; may be given repeatedly")
    parser.add_argument("--name", type=str | None, help="the run is runs/NAME; default: the file's")
    parser.add_argument("--seed", type=int, default=RunConfig.seed, help="of all randomness")
    for name, section in _SECTIONS.items():
        parser.add_class_arguments(section, name)
    return parser


def _known_keys() -> Iterator[str]:
    yield from ("config", "name", "seed", "help", "print_config")
    for name, section in _SECTIONS.items():
        yield from _fields(section, name)


def _fields(section: Any, prefix: str) -> Iterator[str]:
    yield prefix
    for each in fields(section):
        key = f"{prefix}.{each.name}"
        if is_dataclass(each.type):
            yield from _fields(each.type, key)
        else:
            yield key


def _keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _keys_on_command_line(arguments: Sequence[str]) -> list[str]:
    options = [word for word in arguments if word.startswith("--") and len(word) > 2]
    return [option[2:].partition("=")[0] for option in options]


def _config_files(arguments: Sequence[str]) -> list[str]:
    files = []
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if word == "--config":
            files.append(following)
        elif word.startswith("--config="):
            files.append(word.partition("=")[2])
    return files


def _read(path: str) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config {path}: expected YAML ({error})") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"--config {path}: expected sections such as data: and model:")
    return values


def _refuse_unknown(key: str, known: set[str], *, where: str) -> None:
    if key in known:
        return
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0)
    raise ConfigError(f"{where}: unknown key {key}; the nearest known one is {nearest[0]}")


def _plot(metrics: Path, plot: Path, *, title: str) -> None:
    try:
        from pipeline.insight.learning_curve import plot_learning_curve
    except ModuleNotFoundError:
        print('no learning curve: pip install "seq2seq-pipeline[insight]"', file=sys.stderr)
        return
    from pipeline.training.metrics_file import read_metrics

    plot_learning_curve(read_metrics(metrics), plot, title=title)


def _is_scored(model: Path) -> bool:
    scores = json.loads((model / "config.json").read_text(encoding="utf-8"))["scores"]
    return any("step" not in of_split for of_split in scores.values())  # not by training itself


def _score(model: Path, run: Path) -> None:
    """Score the model on its test split, or on validation where there is none; note it in it.

    Each of several directions by itself.
    """
    from pipeline.data.corpus import load_corpus
    from pipeline.evaluation import data_config, evaluate, load_references
    from pipeline.model_folder import load_model, save_model

    trained = load_model(model)
    config = data_config(trained)
    split = "test" if "test" in load_corpus(config) else "validation"
    noted = dict(trained.scores)
    for direction in config.directions if config.is_multilingual else [None]:
        references = load_references(trained, path=None, split=split, direction=direction)
        scores = evaluate(trained, references)
        columns = "." + "-".join(direction).replace("/", "-") if direction else ""
        write_hypotheses(run / f"hypotheses{columns}.tsv", references, scores)
        noted[f"{split}, {direction}" if direction else split] = {
            name: value
            for name, value in scores.as_json().items()
            if name != "split" and not isinstance(value, list | dict)
        }
        if direction:
            print(f"direction   {direction}")
        print(report(scores))
    save_model(replace(trained, scores=noted), model)


def _say_what_next(model: Path, data: DataConfig) -> None:
    print(f"\nmodel       {model}")
    source, target = data.directions[0]
    match "chat" if data.is_chat else data.task:
        case "translation" if data.is_multilingual:
            print(f"next        echo '...' | make -s translate MODEL={model} ARGS='--to {target}'")
            options = f"--from {source} --to {target} --beam-size 5"
            print(f"            make evaluate MODEL={model} ARGS='{options}'")
        case "translation":
            print(f"next        echo '...' | make -s translate MODEL={model}")
            print(f"            make evaluate MODEL={model} ARGS='--beam-size 5'")
        case "chat":
            print(f"next        make chat MODEL={model}      (or: seq2seq chat {model})")
        case "classification":
            print(f"next        echo '...' | seq2seq classify {model}")
        case "language_model" | "forecast":
            print(f"next        seq2seq inspect summary {model}")
