"""`seq2seq distill`: a corpus that teachers have written, for a model to learn from."""

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.main import Parser
from pipeline.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from pipeline.data.config import DataConfig
    from pipeline.model_folder import TrainedModel


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq distill", description=__doc__)
    parser.add_argument(
        "teacher", nargs="+", help="a model folder; of several the ensemble teaches"
    )
    parser.add_argument("--output", required=True, help="the folder of the corpus")
    parser.add_argument("--beam-size", type=int, default=5, help="of the teachers (default: 5)")
    parser.add_argument(
        "--each", action="store_true", help="each teacher writes by itself, not the ensemble"
    )
    parser.add_argument(
        "--back",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="model folders of the other direction: each writes a source for every reference",
    )
    parser.add_argument(
        "--with-references",
        action="store_true",
        help="keep the pairs of the training split beside the teachers'",
    )
    options = parser.parse_args(arguments)

    from pipeline.decoding import SearchSettings
    from pipeline.distillation import Teacher, write_distilled
    from pipeline.evaluation import data_config
    from pipeline.model_folder import TrainedModel, load_ensemble, load_model
    from pipeline.translator import Translator

    forward = (
        [[load_model(folder)] for folder in options.teacher]
        if options.each
        else [load_ensemble(options.teacher)]
    )
    back = [load_model(folder) for folder in options.back]
    for each in [*itertools.chain(*forward), *back]:
        if each.task != "translation":
            raise ModelError(f"{each.name}: a model for {each.task}; expected translation")
    config = data_config(forward[0][0])
    for each in back:
        _require_other_direction(each, config)
    settings = SearchSettings(beam_size=options.beam_size)

    def teacher(first: TrainedModel, *others: TrainedModel, backwards: bool = False) -> Teacher:
        translator = Translator(first, ensemble=others)
        return Teacher(partial(translator.translate, settings=settings), backwards=backwards)

    teachers = [teacher(*models) for models in forward]
    teachers += [teacher(model, backwards=True) for model in back]
    folder = Path(options.output)
    num_pairs = write_distilled(
        folder,
        config,
        teachers,
        description={
            "teachers": options.teacher,
            "beam_size": options.beam_size,
            "each": options.each,
            "back": options.back,
            "with_references": options.with_references,
            "corpus": config.path,
        },
        with_references=options.with_references,
    )
    print(f"corpus      {folder}: {num_pairs:,} training pairs")
    print(
        f"next        seq2seq train --name student --data.path {folder} "
        f"--data.source {config.source} --data.target {config.target}"
    )


def _require_other_direction(model: "TrainedModel", config: "DataConfig") -> None:
    columns = model.data["source"], model.data["target"]
    if columns != (config.target, config.source):
        raise ConfigError(
            f"--back: {model.name} translates {columns[0]} to {columns[1]}; "
            f"expected {config.target} to {config.source}"
        )
