"""The translators that are timed beside each other: what `decoding_speed` and `latency` share.

The project translates with a model folder. CTranslate2 has Transformers of random weights, of two
sizes, in int8; OpenNMT-py and JoeyNMT what `training_speed` left of them. All go from text to text.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.drivers.project import without_end
from benchmarks.peers import MODELS, NAMES, available, drive, missing_note
from benchmarks.speed import PROJECT, Rounds, add_options
from pipeline.evaluation import load_pairs
from pipeline.export import export_model
from pipeline.model_folder import TrainedModel, load_model
from pipeline.nn.prepared import unknown_part
from pipeline.precision import choose_precision

PINNED_LENGTH = 15
"""Tokens of each output where all systems are to make equally many."""
_TRANSFORMERS = ((4, 128), (3, 256))  # layers of each side, size
_RECURRENT = ("opennmt", "joeynmt")


@dataclass(frozen=True)
class System:
    """A translator to be timed.

    Attributes:
        name: As it stands in the table.
        driver: What drives it.
        request: What its driver needs to load it.
        threads: Of its process.
        own_lengths: Whether it knows where a translation ends; random weights do not.
    """

    name: str
    driver: str
    request: Mapping[str, Any]
    threads: int
    own_lengths: bool = True

    def translate(
        self, lines: Sequence[str], settings: Sequence[Mapping[str, Any]], *, lengths: Sequence[int]
    ) -> list[dict[str, Any]]:
        """What the driver says of each setting: `seconds`, and `texts`.

        Args:
            lines: The sources.
            settings: `batch_size`, `beam_size` and `length`; None is the system's own length.
            lengths: Of the outputs of a system that knows none: its own for each line where lines
                are translated one by one (`by_line`), else the mean for all.

        Raises:
            DriverError: It failed.
        """
        own = list(settings)
        if not self.own_lengths:
            own = [_with_lengths(each, lengths) for each in own]
        request = {"task": "decode", "lines": list(lines), "settings": own, **self.request}
        timed: list[dict[str, Any]] = drive(self.driver, request, threads=self.threads)["timed"]
        return timed


def systems(
    model: Path,
    folder: Path,
    *,
    peers: Iterable[str],
    threads: Sequence[int],
    workers: Sequence[tuple[int, int]],
) -> Iterator[System]:
    """All that can be timed.

    Args:
        model: The project's model folder.
        folder: Where the model's exports can be written, and the tokenizer of the Transformers.
        peers: Those that are installed.
        threads: Of the project, one way after the other; the last of them also of the peers.
        workers: Of CTranslate2: its `inter_threads` and `intra_threads`.
    """
    precisions = ["fp32"]
    if choose_precision("auto", device_type="cpu") == torch.bfloat16:
        precisions.append("bf16")
    for num_threads in threads:
        for precision in precisions:
            request = {"folder": str(model.resolve()), "options": {"precision": precision}}
            name = f"{PROJECT}, {precision}, {_counted(num_threads)}"
            yield System(name, "project", request, num_threads)
    trained = load_model(model)
    if unknown_part(trained.model.config) is None:
        yield from _exports(model, folder, num_workers=threads[-1])
    tokenizer = folder / "tokenizer.model"
    trained.source_tokenizer.save(tokenizer)
    for peer in peers:
        if peer == "ctranslate2":
            yield from _transformers(tokenizer, workers)
        elif (MODELS / peer).is_dir():
            request = {
                "folder": str((MODELS / peer).resolve()),
                "tokenizer": str((MODELS / "corpus" / "tokenizer.model").resolve()),
            }
            yield System(NAMES[peer], peer, request, threads[-1])


def _exports(model: Path, folder: Path, *, num_workers: int) -> Iterator[System]:
    for precision in ("fp32", "int8"):
        names = [f"{precision}{end}" for end in ("", "-endless")]
        export_model(load_model(model), folder / names[0], precision=precision)
        export_model(without_end(load_model(model)), folder / names[1], precision=precision)
        request = {
            "folder": str(folder / names[0]),
            "endless": str(folder / names[1]),
            "options": {"num_threads": 1, "num_workers": num_workers},
        }
        name = f"{PROJECT}, exported in {precision}, {num_workers}×1"
        yield System(name, "exported", request, num_workers)


def _transformers(tokenizer: Path, workers: Sequence[tuple[int, int]]) -> Iterator[System]:
    for layers, size in _TRANSFORMERS:
        for inter_threads, intra_threads in workers:
            request = {
                "tokenizer": str(tokenizer),
                "layers": layers,
                "size": size,
                "inter_threads": inter_threads,
                "intra_threads": intra_threads,
            }
            name = f"CTranslate2 {layers}+{layers}×{size}, {inter_threads}×{intra_threads}"
            threads = inter_threads * intra_threads
            yield System(name, "ctranslate2", request, threads, own_lengths=False)


def _with_lengths(setting: Mapping[str, Any], lengths: Sequence[int]) -> Mapping[str, Any]:
    if setting["length"] is not None:
        return setting
    by_line = setting.get("by_line", False)
    return {**setting, "length": list(lengths) if by_line else round(statistics.mean(lengths))}


def _counted(threads: int) -> str:
    return f"{threads} thread" + ("s" if threads > 1 else "")


def compare(
    options: argparse.Namespace,
    settings: Mapping[str, Mapping[str, Any]],
    quantities: Callable[[str, Sequence[float], int], Mapping[str, float]],
    *,
    threads: Sequence[int],
    workers: Sequence[tuple[int, int]],
) -> tuple[Rounds, list[str]]:
    """Time all systems in each setting, round by round.

    Args:
        options: As `add_options` makes them.
        settings: See `System.translate`; by name, the first one greedy, with its own lengths.
        quantities: From a setting's name, its times in seconds and the number of sentences to what
            is reported.
        threads: See `systems`.
        workers: See `systems`.

    Returns:
        What was measured, and what there is to know beside it.
    """
    asked = options.peer or list(NAMES)
    peers = available(asked)
    trained = load_model(options.model)
    lines = list(load_pairs(trained, path=options.data, split="test").sources[: options.num])
    rounds = Rounds()
    with tempfile.TemporaryDirectory() as folder:
        found = list(
            systems(options.model, Path(folder), peers=peers, threads=threads, workers=workers)
        )
        own = next(iter(settings.values()))
        (first,) = found[0].translate(lines, [own], lengths=[])
        lengths = output_lengths(trained, first["texts"])

        def measure(system: System) -> dict[str, float]:
            timed = system.translate(lines, list(settings.values()), lengths=lengths)
            values: dict[str, float] = {}
            for name, each in zip(settings, timed, strict=True):
                values |= quantities(name, each["seconds"], len(lines))
            return values

        rounds.run({system.name: partial(measure, system) for system in found}, options.repeats)
    about = [f"{len(lines):,} sentences, {options.repeats} rounds", *notes(peers, lengths)]
    return rounds, [*about, *rounds.failures.values(), *missing_note(asked)]


def output_lengths(trained: TrainedModel, texts: Sequence[str]) -> list[int]:
    """Pieces of each translation by the model's own tokenizer, without EOS; 1 at least."""
    return [max(1, len(ids)) for ids in trained.target_tokenizer.encode_batch(texts)]


def add_decoding_options(parser: argparse.ArgumentParser, *, num: int) -> None:
    """The options that `compare` reads."""
    parser.add_argument("model", type=Path, help="a translator's folder")
    parser.add_argument("--data", help="another corpus than the model's own")
    parser.add_argument("--num", type=int, default=num, help="sentences")
    add_options(parser, peers=list(NAMES), repeats=3)


def notes(peers: Iterable[str], lengths: Sequence[int]) -> list[str]:
    """What differs between the translators."""
    untrained = [NAMES[name] for name in _RECURRENT if name in peers]
    mean = round(statistics.mean(lengths))
    lines = [
        "text to text in all systems, SentencePiece included",
        f"pinned: {PINNED_LENGTH} tokens for every sentence; own lengths: as the model ends them",
    ]
    if "ctranslate2" in peers:
        lines.append(
            "CTranslate2: Transformers of random weights in int8, which have no lengths of their "
            f"own: one by one those of the project's outputs, in batches {mean} tokens for every "
            "sentence, which is their mean; inter×intra threads; it has no RNN"
        )
    if untrained:
        lines.append(
            f"{' and '.join(untrained)}: the models of `benchmarks.training_speed`, trained for "
            "their speed alone, so that their own lengths mean little"
        )
    lines += [
        f"{NAMES[name]}: no model in {MODELS}; `python -m benchmarks.training_speed` trains one"
        for name in _RECURRENT
        if name in peers and not (MODELS / name).is_dir()
    ]
    return lines
