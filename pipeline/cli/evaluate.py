"""`seq2seq evaluate`: score a model on a split of a corpus."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.main import Parser
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.evaluation import (
        ClassificationScores,
        ForecastScores,
        GenerationScores,
        LanguageModelScores,
        Numbers,
        Pairs,
        Scores,
    )


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq evaluate", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("--data", help="another corpus than the one it was trained on")
    parser.add_argument("--split", default="test", help="default: test")
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    parser.add_argument("--output", help="a tsv file for source, reference and hypothesis")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    for name in ("beam_size", "batch_size"):
        if getattr(options, name) < 1:
            option = name.replace("_", "-")
            raise ConfigError(f"--{option}: expected 1 or more, got {getattr(options, name)}")
    if options.output and not Path(options.output).resolve().parent.is_dir():
        raise ConfigError(f"--output {options.output}: no such folder")

    from pipeline.evaluation import GenerationScores, evaluate, load_references
    from pipeline.model_folder import load_model

    trained = load_model(options.model)
    if options.output and trained.task in ("language_model", "forecast"):
        raise ConfigError(f"--output: a model for {trained.task} writes no text")
    references = load_references(trained, path=options.data, split=options.split)
    scores = evaluate(
        trained, references, beam_size=options.beam_size, batch_size=options.batch_size
    )
    if options.output:
        write_hypotheses(Path(options.output), references, scores)
    if options.json:
        print(json.dumps(scores.as_json(), ensure_ascii=False))
        return
    print(report(scores, is_chat=trained.task == "chat"))
    if isinstance(scores, GenerationScores) and not options.output:
        print("--output FILE.tsv writes the hypotheses beside the references", file=sys.stderr)


def report(scores: "Scores", *, is_chat: bool) -> str:
    """The scores for a person to read."""
    from pipeline.evaluation import (
        ClassificationScores,
        ForecastScores,
        LanguageModelScores,
    )

    match scores:
        case ClassificationScores():
            return _classification_report(scores)
        case LanguageModelScores():
            return _language_report(scores)
        case ForecastScores():
            return _forecast_report(scores)
    return _generation_report(scores, is_chat=is_chat)


def _generation_report(scores: "GenerationScores", *, is_chat: bool) -> str:
    search = "greedy" if scores.beam_size == 1 else f"beam {scores.beam_size}"
    lines = [
        f"split       {scores.split}, {scores.num_sentences:,} sentences, {search}",
        f"BLEU        {scores.bleu:.2f}   {scores.signature}",
        f"chrF        {scores.chrf:.2f}   {scores.chrf_signature}",
        f"exact match {scores.exact_match:.1%}",
        f"loss        {scores.loss_nats_per_token:.4f} nats a token",
        f"perplexity  {scores.perplexity_per_word:.2f} a word, "
        f"{scores.bits_per_character:.3f} bits a character",
        f"speed       {scores.sentences_per_second:.0f} sentences/s",
    ]
    if is_chat:
        lines.append(f"distinct    1: {scores.distinct_1:.4f}, 2: {scores.distinct_2:.4f}")
        lines.append("(BLEU says little of a reply: there are many good ones, and one reference)")
    else:
        lines += [
            f"  {row['words']:>7} words: BLEU {row['bleu']:5.2f}  ({row['num_sentences']:,})"
            for row in scores.by_length
        ]
    return "\n".join(lines)


def _classification_report(scores: "ClassificationScores") -> str:
    lines = [
        f"split       {scores.split}, {scores.num_sentences:,} sentences",
        f"accuracy    {scores.accuracy:.2%}",
        f"macro F1    {scores.macro_f1:.4f}",
        f"loss        {scores.loss_nats_per_label:.4f} nats a label",
    ]
    lines += [
        f"  {label}: precision {of['precision']:.2f}, recall {of['recall']:.2f}, "
        f"F1 {of['f1']:.2f}  ({of['num_sentences']:,.0f})"
        for label, of in scores.by_label.items()
    ]
    return "\n".join(lines)


def _language_report(scores: "LanguageModelScores") -> str:
    return "\n".join(
        [
            f"split       {scores.split}, {scores.num_sentences:,} sentences",
            f"loss        {scores.loss_nats_per_token:.4f} nats a token",
            f"perplexity  {scores.perplexity_per_word:.2f} a word",
            f"            {scores.bits_per_character:.3f} bits a character",
        ]
    )


def _forecast_report(scores: "ForecastScores") -> str:
    return "\n".join(
        [
            f"split       {scores.split}, {scores.num_values:,} forecasts, a step ahead",
            f"loss        {scores.loss_nats_per_value:.4f} nats a value",
            f"RMSE        {scores.rmse:.3f}   (the value before as a forecast: "
            f"{scores.naive_rmse:.3f})",
            f"MAE         {scores.mae:.3f}   (the value before as a forecast: "
            f"{scores.naive_mae:.3f})",
        ]
    )


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
