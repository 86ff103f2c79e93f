"""`seq2seq distill`: a corpus that teachers have written, for a model to learn from."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.language_options import add_language_options, chosen_direction
from pipeline.cli.main import Parser
from pipeline.cli.search_options import (
    add_length_penalty_option,
    add_precision_option,
    add_reverse_options,
    reverse_weight,
)
from pipeline.errors import ConfigError, ModelError
from pipeline.languages import Direction

if TYPE_CHECKING:
    from pipeline.model_folder import TrainedModel


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq distill", description=__doc__)
    parser.add_argument(
        "teacher", nargs="+", help="a model folder; of several the ensemble teaches"
    )
    parser.add_argument("--output", required=True, help="the folder of the corpus")
    parser.add_argument(
        "--data", help="another corpus than the one that the first teacher was trained on"
    )
    parser.add_argument("--beam-size", type=int, default=5, help="of the teachers (default: 5)")
    add_length_penalty_option(parser)
    add_reverse_options(parser)
    add_precision_option(parser)
    parser.add_argument(
        "--each", action="store_true", help="each teacher writes by itself, not the ensemble"
    )
    parser.add_argument(
        "--closest",
        action="store_true",
        help="of the whole beam what is closest to the reference, by sentence BLEU",
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
    add_language_options(parser)
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
    reverse = load_model(options.reverse) if options.reverse else None
    for each in filter(None, [*itertools.chain(*forward), *back, reverse]):
        if each.task != "translation":
            raise ModelError(f"{each.name}: a model for {each.task}; expected translation")
    config = data_config(forward[0][0], options.data)
    direction = chosen_direction(options, forward[0][0].directions)
    for each in itertools.chain(*forward):
        _require(each, direction, "teacher")
    opposite = Direction(direction.target, direction.source)
    for each in back:
        _require(each, opposite, "--back")
    if reverse is not None:
        _require(reverse, opposite, "--reverse")
    settings = SearchSettings(
        beam_size=options.beam_size,
        length_penalty=options.length_penalty,
        reverse_weight=reverse_weight(options),
    )

    def teacher(first: TrainedModel, *others: TrainedModel, backwards: bool = False) -> Teacher:
        translator = Translator(
            first,
            ensemble=others,
            reverse=None if backwards else reverse,
            precision=options.precision,
        )

        def propose(lines: Sequence[str]) -> list[list[str]]:
            beams = translator.candidates(
                lines,
                settings.beam_size if options.closest else 1,
                settings=replace(settings, reverse_weight=0.0) if backwards else settings,
                target_language=direction.source if backwards else direction.target,
            )
            return [[candidate.text for candidate in beam] for beam in beams]

        return Teacher(propose, backwards=backwards)

    teachers = [teacher(*models) for models in forward]
    teachers += [teacher(model, backwards=True) for model in back]
    folder = Path(options.output)
    description = {
        "teachers": options.teacher,
        "beam_size": options.beam_size,
        "length_penalty": options.length_penalty,
        "precision": options.precision,
        "each": options.each,
        "closest": options.closest,
        "back": options.back,
        "with_references": options.with_references,
        "corpus": config.path,
    }
    if options.reverse:
        description |= {"reverse": options.reverse, "reverse_weight": settings.reverse_weight}
    if config.is_multilingual:
        description["direction"] = str(direction)
    num_pairs = write_distilled(
        folder,
        config,
        teachers,
        description=description,
        closest=options.closest,
        with_references=options.with_references,
        direction=direction,
    )
    print(f"corpus      {folder}: {num_pairs:,} training pairs")
    print(
        f"next        seq2seq train --name student --data.path {folder} "
        f"--data.source {direction.source} --data.target {direction.target}"
    )


def _require(model: "TrainedModel", direction: Direction, called: str) -> None:
    if direction not in model.directions:
        raise ConfigError(
            f"{called}: {model.name} translates {', '.join(map(str, model.directions))}; "
            f"expected {direction}"
        )
