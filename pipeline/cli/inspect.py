"""`seq2seq inspect`: look inside a cell or a model."""

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pipeline.cli.language_options import (
    add_target_option,
    chosen_target,
    given_language_options,
)
from pipeline.cli.main import Parser
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from pipeline.model_folder import TrainedModel
    from pipeline.nn.cells import Cell
    from pipeline.nn.config import ModelConfig
    from pipeline.nn.network import Network


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    from pipeline.nn.config import CellName, MemoryBiasName, RecurrentInitName

    parser = Parser(prog="seq2seq inspect", description=__doc__)
    subjects = parser.add_subparsers(required=True, metavar="SUBJECT")
    summary = subjects.add_parser("summary", help="layers, shapes, parameters, cost of a token")
    summary.add_argument("of", metavar="CONFIG|MODEL", help="a YAML file, or a model folder")
    summary.set_defaults(show=_summary)
    gradients = subjects.add_parser("gradients", help="how far back a loss is felt")
    gradients.add_argument("model", nargs="?", help="its decoder's first layer, before and after")
    gradients.add_argument("--cell", action="append", choices=get_args(CellName), default=[])
    gradients.add_argument("--length", type=int, default=100, help="time steps (default: 100)")
    gradients.add_argument("--hidden-size", type=int, default=128, help="default: 128")
    gradients.add_argument("--output", default="gradients.png", help="default: gradients.png")
    gradients.set_defaults(show=_gradients)
    memory = subjects.add_parser("memory", help="which cell still recalls after a delay")
    memory.add_argument("--cell", action="append", choices=get_args(CellName), default=[])
    memory.add_argument("--delay", action="append", type=int, default=[], help="time steps")
    memory.add_argument("--steps", type=int, default=1000, help="of training (default: 1000)")
    memory.add_argument("--hidden-size", type=int, default=128, help="default: 128")
    memory.add_argument(
        "--recurrent-init", choices=get_args(RecurrentInitName), default="orthogonal"
    )
    memory.add_argument("--memory-bias", choices=get_args(MemoryBiasName), default="own")
    memory.add_argument("--output", default="memory.png", help="default: memory.png")
    memory.set_defaults(show=_memory)
    attention = subjects.add_parser("attention", help="where the decoder looks")
    attention.add_argument("model", help="a model folder, or a hub name")
    attention.add_argument("sentence", help="a source sentence")
    add_target_option(attention)
    attention.add_argument("--output", default="attention.png", help="default: attention.png")
    attention.set_defaults(show=_attention)
    states = subjects.add_parser("states", help="a map of the encoder's hidden states")
    states.add_argument("model", help="a model folder, or a hub name")
    states.add_argument("sentences", nargs="*", help="source sentences; the lines of stdin if none")
    add_target_option(states)
    states.add_argument("--output", default="states.png", help="default: states.png")
    states.set_defaults(show=_states)
    for subject in (summary, gradients, memory, attention, states):
        subject.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    if "output" in options and not Path(options.output).resolve().parent.is_dir():
        raise ConfigError(f"--output {options.output}: no such folder")
    options.show(options)


def _summary(options: "argparse.Namespace") -> None:
    from pipeline.insight.summary import summarize

    summary = summarize(_network(options.of))
    if options.json:
        print(json.dumps(summary.as_json()))
        return
    width = max(len(part.name) for part in summary.parts)
    for part in summary.parts:
        shape = " x ".join(map(str, part.shape))
        print(f"{part.name:<{width}}  {shape:>12}  {part.num_parameters:>10,}")
    print(f"{'parameters':<{width}}  {'':>12}  {summary.num_parameters:>10,}\n")
    print(
        f"a source token   {summary.flops_per_source_token / 1e6:.4g} MFLOP; "
        f"{summary.bytes_per_source_token / 2**20:.4g} MiB of weights are read"
    )
    if (step := summary.step) is not None:
        print(
            f"a target token   {step.flops / 1e6:.4g} MFLOP, and "
            f"{step.flops_per_source_token / 1e6:.4g} for each source token after the first; "
            f"{step.weight_bytes / 2**20:.4g} MiB of weights are read"
        )


def _network(config_or_model: str) -> "Network":
    from pipeline.model_folder import build_network, load_model

    if not config_or_model.endswith((".yaml", ".yml")):
        return load_model(config_or_model).network

    from pipeline.cli.train import parse

    config = parse(["--config", config_or_model])
    data = config.data
    if data.task == "classification" and data.labels is None:
        raise ConfigError(
            f"{config_or_model}: data.labels: expected, to know the size of the softmax before "
            "training; or give the trained model"
        )
    return build_network(
        config.model,
        "chat" if data.is_chat else data.task,
        [data.tokenizer.vocab_size] * (1 if data.tokenizer.joint else 2),
        num_labels=len(data.labels or ()),
    )


def _gradients(options: "argparse.Namespace") -> None:
    import torch

    from pipeline.insight.gradients import gradient_norms, random_inputs
    from pipeline.nn.config import ModelConfig
    from pipeline.nn.initialization import build_cell

    _require_positive(length=[options.length], hidden_size=[options.hidden_size])
    cells: dict[str, Cell] = {}
    names = options.cell or ([] if options.model else ["elman", "gru", "lstm"])
    for name in names:
        torch.manual_seed(1)
        size = options.hidden_size
        cells[name] = build_cell(ModelConfig(cell=name), size, size)
    if options.model:
        trained, config = _trained_cell(options.model)
        torch.manual_seed(1)
        fresh = build_cell(config, trained.input_size, trained.hidden_size)
        cells |= {f"{config.cell}, untrained": fresh, f"{config.cell}, trained": trained}
    norms = {
        name: gradient_norms(cell, random_inputs(cell, options.length))
        for name, cell in cells.items()
    }
    _plot("gradient_plot", "plot_gradient_norms", norms, options.output)
    if options.json:
        rows = [{"cell": name, "norms": values} for name, values in norms.items()]
        print(json.dumps(rows[0] if len(rows) == 1 else {"cells": rows}))
        return
    distances = sorted({0, 1, 2, 5, 10, 20, 50, 100, options.length - 1})
    shown = [distance for distance in distances if distance < options.length]
    print(f"{'distance':<20}" + "".join(f"{distance:>10}" for distance in shown))
    for name, values in norms.items():
        print(f"{name:<20}" + "".join(f"{values[distance]:>10.1e}" for distance in shown))


def _trained_cell(model: str) -> "tuple[Cell, ModelConfig]":
    from pipeline.model_folder import load_model
    from pipeline.nn.cells import Cell
    from pipeline.nn.encoder import EncoderLayer
    from pipeline.nn.forecaster import Forecaster
    from pipeline.nn.seq2seq import Seq2Seq

    network = load_model(model).network
    match network:
        case Seq2Seq():
            layer = network.decoder.layers[0]
        case Forecaster():
            layer = network.recurrent.layers[0]
        case _:  # without a decoder
            layer = network.encoder.layers[0]
    cell = layer.forward_cell if isinstance(layer, EncoderLayer) else layer
    assert isinstance(cell, Cell)
    return cell, network.config


def _memory(options: "argparse.Namespace") -> None:
    from pipeline.insight.copy_memory import NUM_SYMBOLS, recall
    from pipeline.nn.config import ModelConfig

    cells, delays = options.cell or ["elman", "gru", "lstm"], options.delay or [10, 30, 100]
    _require_positive(delay=delays, steps=[options.steps], hidden_size=[options.hidden_size])
    results = []
    for delay in sorted(set(delays)):
        for cell in dict.fromkeys(cells):
            config = ModelConfig(
                cell=cell,
                recurrent_init=options.recurrent_init,
                memory_bias=options.memory_bias,
                chrono_steps=delay + 2 * NUM_SYMBOLS,
            )
            found = recall(config, delay, hidden_size=options.hidden_size, num_steps=options.steps)
            line = f"{cell:<8} delay {delay:>4}: {found.accuracy:>6.1%}, {found.nats:.3f} nats"
            print(line, file=sys.stderr if options.json else sys.stdout, flush=True)
            results.append(found)
    _plot("copy_memory_plot", "plot_recall", results, options.output)
    if options.json:
        print(json.dumps({"results": [asdict(found) for found in results]}))


def _require_positive(**values: Sequence[int]) -> None:
    for name, numbers in values.items():
        for number in numbers:
            if number < 1:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option}: expected 1 or more, got {number}")


def _attention(options: "argparse.Namespace") -> None:
    from pipeline.insight.attention import attention_map
    from pipeline.model_folder import load_model

    trained = load_model(options.model)
    language = _target_language(options, trained)
    attention = attention_map(trained, options.sentence, target_language=language)
    _plot("attention_plot", "plot_attention", attention, options.output)
    if options.json:
        print(json.dumps(asdict(attention), ensure_ascii=False))
        return
    for piece, row in zip(attention.target, attention.weights, strict=True):
        highest = max(range(len(row)), key=row.__getitem__)
        print(f"{piece}\t{attention.source[highest]}\t{row[highest]:.2f}")


def _states(options: "argparse.Namespace") -> None:
    from pipeline.insight.states import state_map
    from pipeline.model_folder import load_model

    trained = load_model(options.model)
    language = _target_language(options, trained)
    sentences = options.sentences or list(sys.stdin)
    states = state_map(trained, sentences, target_language=language)
    _plot("state_plot", "plot_states", states, options.output)
    if options.json:
        print(json.dumps(asdict(states), ensure_ascii=False))
        return
    for sentence, (x, y) in zip(states.sentences, states.points, strict=True):
        print(f"{x:.3f}\t{y:.3f}\t{sentence}")


def _target_language(options: "argparse.Namespace", trained: "TrainedModel") -> str | None:
    if trained.task == "translation":
        return chosen_target(options, trained.directions)
    if given := given_language_options(options):
        raise ConfigError(f"{given[0]}: expected a translator, got a model for {trained.task}")
    return None


def _plot(module: str, function: str, drawn: object, path: str) -> None:
    try:
        draw = getattr(importlib.import_module(f"pipeline.insight.{module}"), function)
    except ModuleNotFoundError:
        print('no plot: pip install "seq2seq-pipeline[insight]"', file=sys.stderr)
        return
    draw(drawn, Path(path))
    print(f"plot in {path}", file=sys.stderr)
