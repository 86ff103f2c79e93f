"""`seq2seq compare`: which of two translators is better, where, and whether that can be known."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.bleu_options import add_bleu_options, bleu_protocol
from pipeline.cli.compare_report import report
from pipeline.cli.language_options import add_language_options, chosen_direction
from pipeline.cli.main import Parser
from pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pipeline.evaluation.comparison import Sentence


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq compare", description=__doc__)
    parser.add_argument("model_a", help="a translator: a model folder, or a hub name")
    parser.add_argument("model_b", help="another one, of the same columns")
    parser.add_argument("--data", help="another corpus than the one that model A was trained on")
    parser.add_argument(
        "--split",
        default="validation",
        help="default: validation; take test once, when nothing is left to choose by it",
    )
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    parser.add_argument(
        "--num", type=int, default=10, help="sentences shown on which they differ (default: 10)"
    )
    parser.add_argument("--output", help="a tsv file for all sentences and both translations")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--comet", metavar="MODEL", help="COMET's scores too, by its name or file")
    add_bleu_options(parser)
    add_language_options(parser)
    options = parser.parse_args(arguments)
    for name, least in (("beam_size", 1), ("batch_size", 1), ("num", 0)):
        if getattr(options, name) < least:
            option, value = name.replace("_", "-"), getattr(options, name)
            raise ConfigError(f"--{option}: expected {least} or more, got {value}")
    if options.output and not Path(options.output).resolve().parent.is_dir():
        raise ConfigError(f"--output {options.output}: no such folder")

    from pipeline.evaluation import Pairs, load_references
    from pipeline.evaluation.comparison import (
        CometScores,
        common_directions,
        compare_translations,
        training_targets,
        was_split_alike,
    )
    from pipeline.metrics import load_comet
    from pipeline.model_folder import load_model
    from pipeline.translator import Translator

    protocol = bleu_protocol(options)
    names = (options.model_a, options.model_b)
    models = (load_model(names[0]), load_model(names[1]))
    direction = chosen_direction(options, common_directions(models, names))
    comet = load_comet(options.comet) if options.comet else None
    pairs = load_references(models[0], path=options.data, split=options.split, direction=direction)
    assert isinstance(pairs, Pairs)
    if options.data is None and not was_split_alike(models):
        print(
            f"{names[1]}: trained on another corpus than {names[0]}, or with other splits of it; "
            f"it may have seen sentences of '{pairs.split}' in training",
            file=sys.stderr,
        )
    a, b = (
        Translator(trained).translate(
            pairs.sources,
            beam_size=options.beam_size,
            batch_size=options.batch_size,
            target_language=direction.target,
        )
        for trained in models
    )
    comet_scores = None
    if comet is not None:
        scores = (comet(pairs.sources, texts, pairs.references) for texts in (a, b))
        comet_scores = CometScores(options.comet, *scores)
    comparison = compare_translations(
        pairs,
        a,
        b,
        names=names,
        beam_size=options.beam_size,
        num=options.num,
        protocol=protocol,
        training_text=training_targets(models[0], direction),
        comet=comet_scores,
    )
    if options.output:
        write_translations(Path(options.output), comparison.sentences)
    if options.json:
        print(json.dumps(comparison.as_json(), ensure_ascii=False))
        return
    print(report(comparison))


def write_translations(path: Path, sentences: "Sequence[Sentence]") -> None:
    """A tsv with source, reference, both translations and their chrF; the texts hold no tabs.

    Raises:
        DataError: The file cannot be written.
    """
    lines = ["source\treference\ta\tb\tchrf_a\tchrf_b"]
    lines += [
        "\t".join((s.source, s.reference, s.a, s.b, f"{s.chrf_a:.2f}", f"{s.chrf_b:.2f}"))
        for s in sentences
    ]
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"--output {path}: cannot be written ({error.strerror})") from error
