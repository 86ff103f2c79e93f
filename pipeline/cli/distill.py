"""`seq2seq distill`: a corpus whose targets a teacher has written, for a smaller model."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pipeline.cli.language_options import add_language_options, chosen_direction
from pipeline.cli.main import Parser
from pipeline.errors import ModelError


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq distill", description=__doc__)
    parser.add_argument(
        "teacher", nargs="+", help="a model folder; of several the ensemble teaches"
    )
    parser.add_argument("--output", required=True, help="the folder of the corpus")
    parser.add_argument("--beam-size", type=int, default=5, help="of the teacher (default: 5)")
    parser.add_argument(
        "--with-references",
        action="store_true",
        help="keep the pairs of the training split beside the teacher's",
    )
    add_language_options(parser)
    options = parser.parse_args(arguments)

    from pipeline.decoding import SearchSettings
    from pipeline.distillation import write_distilled
    from pipeline.evaluation import data_config
    from pipeline.model_folder import load_ensemble
    from pipeline.translator import Translator

    trained, *others = load_ensemble(options.teacher)
    if trained.task != "translation":
        raise ModelError(f"{trained.name}: a model for {trained.task}; expected translation")
    direction = chosen_direction(options, trained.directions)
    teacher = Translator(trained, ensemble=others)
    settings = SearchSettings(beam_size=options.beam_size)
    config = data_config(trained)
    folder = Path(options.output)
    description = {
        "teachers": options.teacher,
        "beam_size": options.beam_size,
        "with_references": options.with_references,
        "corpus": config.path,
    }
    if config.is_multilingual:
        description["direction"] = str(direction)
    num_pairs = write_distilled(
        folder,
        config,
        partial(teacher.translate, settings=settings, target_language=direction.target),
        description=description,
        with_references=options.with_references,
        direction=direction,
    )
    print(f"corpus      {folder}: {num_pairs:,} training pairs")
    print(
        f"next        seq2seq train --name student --data.path {folder} "
        f"--data.source {direction.source} --data.target {direction.target}"
    )
