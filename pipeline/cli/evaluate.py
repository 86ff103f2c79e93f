"""`seq2seq evaluate`: score a model on a split of a corpus."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.main import Parser
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.evaluation import Evaluation, Pairs


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

    from pipeline.evaluation import evaluate, load_pairs
    from pipeline.model_folder import load_model

    trained = load_model(options.model)
    pairs = load_pairs(trained, path=options.data, split=options.split)
    evaluation = evaluate(
        trained, pairs, beam_size=options.beam_size, batch_size=options.batch_size
    )
    if options.output:
        write_hypotheses(Path(options.output), pairs, evaluation)
    if options.json:
        print(json.dumps(evaluation.as_json(), ensure_ascii=False))
    else:
        print(report(evaluation, is_chat=trained.task == "chat"))
        if not options.output:
            print("--output FILE.tsv writes the hypotheses beside the references", file=sys.stderr)


def report(evaluation: "Evaluation", *, is_chat: bool) -> str:
    """The scores for a person to read."""
    search = "greedy" if evaluation.beam_size == 1 else f"beam {evaluation.beam_size}"
    lines = [
        f"split       {evaluation.split}, {evaluation.num_sentences:,} sentences, {search}",
        f"BLEU        {evaluation.bleu:.2f}   {evaluation.signature}",
        f"chrF        {evaluation.chrf:.2f}   {evaluation.chrf_signature}",
        f"exact match {evaluation.exact_match:.1%}",
        f"loss        {evaluation.loss_nats_per_token:.4f} nats a token",
        f"perplexity  {evaluation.perplexity_per_word:.2f} a word, "
        f"{evaluation.bits_per_character:.3f} bits a character",
        f"speed       {evaluation.sentences_per_second:.0f} sentences/s",
    ]
    if is_chat:
        lines.append(f"distinct    1: {evaluation.distinct_1:.4f}, 2: {evaluation.distinct_2:.4f}")
        lines.append("(BLEU says little of a reply: there are many good ones, and one reference)")
    else:
        lines += [
            f"  {row['words']:>7} words: BLEU {row['bleu']:5.2f}  ({row['num_sentences']:,})"
            for row in evaluation.by_length
        ]
    return "\n".join(lines)


def write_hypotheses(path: Path, pairs: "Pairs", evaluation: "Evaluation") -> None:
    """A tsv with the columns source, reference, hypothesis; the texts hold no tabs."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write("source\treference\thypothesis\n")
        for row in zip(pairs.sources, pairs.references, evaluation.hypotheses, strict=True):
            stream.write("\t".join(row) + "\n")
