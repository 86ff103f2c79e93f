"""`seq2seq evaluate`: score a model on a split of a corpus."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.bleu_options import add_bleu_options, bleu_protocol, given_bleu_options
from pipeline.cli.chat_options import add_chat_options, chat_settings, given_chat_options
from pipeline.cli.language_options import (
    add_language_options,
    chosen_direction,
    given_language_options,
)
from pipeline.cli.main import Parser
from pipeline.cli.score_report import report, worst_report
from pipeline.cli.search_options import (
    add_search_options,
    given_search_options,
    search_settings,
)
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.evaluation import Numbers, Pairs, Scores


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq evaluate", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("--data", help="another corpus than the one it was trained on")
    parser.add_argument("--split", default="test", help="default: test")
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    parser.add_argument("--output", help="a tsv file for source, reference and hypothesis")
    parser.add_argument(
        "--worst", metavar="N", type=int, default=0, help="show the N worst translations, by chrF2"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    add_language_options(parser)
    add_search_options(parser.add_argument_group("of a translator's search"))
    add_bleu_options(parser)
    add_chat_options(
        parser.add_argument_group("of a chatbot's replies", "--reverse ranks --num-candidates")
    )
    options = parser.parse_args(arguments)
    for name in ("beam_size", "batch_size"):
        if getattr(options, name) < 1:
            option = name.replace("_", "-")
            raise ConfigError(f"--{option}: expected 1 or more, got {getattr(options, name)}")
    if options.worst < 0:
        raise ConfigError(f"--worst: expected 0 or more, got {options.worst}")
    if options.output and not Path(options.output).resolve().parent.is_dir():
        raise ConfigError(f"--output {options.output}: no such folder")

    from pipeline.evaluation import GenerationScores, Pairs, evaluate, load_references
    from pipeline.evaluation.worst import worst_translations
    from pipeline.model_folder import load_ensemble, load_model
    from pipeline.search_settings import SearchSettings

    settings = chat_settings(options)
    protocol = bleu_protocol(options)
    trained, *ensemble = load_ensemble([options.model, *options.ensemble])
    if options.output and trained.task in ("language_model", "forecast"):
        raise ConfigError(f"--output: a model for {trained.task} writes no text")
    if trained.task != "chat" and (given := given_chat_options(options)):
        raise ConfigError(f"{given[0]}: expected a chatbot, got a model for {trained.task}")
    given = given_language_options(options) + given_search_options(options)
    given += ["--worst"] if options.worst else []
    if trained.task != "translation" and given:
        raise ConfigError(f"{given[0]}: expected a translator, got a model for {trained.task}")
    given = given_bleu_options(options) + (["--reverse"] if options.reverse else [])
    if trained.task not in ("translation", "chat") and given:
        raise ConfigError(
            f"{given[0]}: expected a translator or a chatbot, got a model for {trained.task}"
        )
    direction, search = None, SearchSettings(beam_size=options.beam_size)
    if trained.task == "translation":
        direction, search = chosen_direction(options, trained.directions), search_settings(options)
    references = load_references(
        trained, path=options.data, split=options.split, direction=direction
    )
    scores = evaluate(
        trained,
        references,
        search=search,
        ensemble=ensemble,
        precision=options.precision,
        batch_size=options.batch_size,
        settings=settings,
        reverse=load_model(options.reverse) if options.reverse else None,
        protocol=protocol,
    )
    if options.output:
        write_hypotheses(Path(options.output), references, scores)
    worst = []
    if options.worst:
        assert isinstance(references, Pairs)
        assert isinstance(scores, GenerationScores)
        worst = worst_translations(references, scores.hypotheses, options.worst)
    if options.json:
        shown = scores.as_json()
        if options.worst:
            shown["worst"] = [asdict(sentence) for sentence in worst]
        print(json.dumps(shown, ensure_ascii=False))
        return
    if len(trained.directions) > 1:
        print(f"direction   {direction}")
    print(report(scores))
    if worst:
        print("", *worst_report(worst), sep="\n")
    if isinstance(scores, GenerationScores) and not options.output:
        print("--output FILE.tsv writes the hypotheses beside the references", file=sys.stderr)


def write_hypotheses(path: Path, references: "Pairs | Numbers", scores: "Scores") -> None:
    """A tsv with the columns source, reference, hypothesis; the texts hold no tabs.

    Nothing where nothing was written: by a language model and a forecaster.
    """
    from pipeline.evaluation import ClassificationScores, GenerationScores, Pairs

    if not isinstance(scores, GenerationScores | ClassificationScores):
        return
    assert isinstance(references, Pairs)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("source\treference\thypothesis\n")
        for row in zip(references.sources, references.references, scores.hypotheses, strict=True):
            stream.write("\t".join(row) + "\n")
