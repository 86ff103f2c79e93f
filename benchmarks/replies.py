"""What each way of generating does to the replies of a chatbot, in one table.

    python -m benchmarks.replies MODEL [--reverse MODEL] [--data PATH] [--split NAME] [--num 900]

Replies to so many contexts, evenly spaced in the split (all, where there are fewer), once for each
row of options, with the measures of docs/chat.md. Perplexity and hits@1 are left out: they are of
the model, and no way of generating changes them.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pipeline import ChatSettings, metrics
from pipeline.cli.main import Parser
from pipeline.evaluation import load_pairs
from pipeline.evaluation.chat import write_replies
from pipeline.model_folder import load_model

_SAMPLED = {"temperature": 0.8, "seed": 1}
_ROWS: list[Mapping[str, float]] = [
    {},
    {"no_repeat_ngram": 3},
    {"repetition_penalty": 1.2},
    {"no_repeat_context_ngram": 3},
    {"min_tokens": 6},
    {"temperature": 1.0, "seed": 1},
    _SAMPLED,
    {**_SAMPLED, "top_k": 40},
    {**_SAMPLED, "top_p": 0.9},
    {**_SAMPLED, "min_p": 0.1},
    {"num_candidates": 10, "mmi_weight": 0.0},
    {"num_candidates": 10, "mmi_weight": 0.5},
    {"num_candidates": 10, "mmi_weight": 1.0},
    {**_SAMPLED, "min_p": 0.1, "num_candidates": 10, "mmi_weight": 0.5},
]


def main() -> None:
    """Generate and print."""
    parser: argparse.ArgumentParser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--reverse")
    parser.add_argument("--data")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--num", type=int, default=900)
    options = parser.parse_args()
    trained = load_model(Path(options.model))
    reverse = load_model(Path(options.reverse)) if options.reverse else None
    pairs = load_pairs(trained, path=options.data, split=options.split)
    num_pairs = len(pairs.sources)
    num_replies = min(options.num, num_pairs)
    contexts = [pairs.sources[i * num_pairs // num_replies] for i in range(num_replies)]
    print(f"{trained.name}, {options.split}, {num_replies} replies\n")
    print("| options | distinct-1 | -2 | -3 | words | ten most frequent | rep-4 | replies/s |")
    print("| --- |" + " --- |" * 7)
    for row in _ROWS:
        settings = ChatSettings(**{**asdict(ChatSettings()), **row})
        written = write_replies(trained, contexts, settings=settings, reverse=reverse)
        replies = written.hypotheses
        shown = ", ".join(f"{name} {value:g}" for name, value in row.items() if name != "seed")
        variety = " | ".join(f"{metrics.distinct(replies, n):.3f}" for n in (1, 2, 3))
        print(
            f"| {shown or 'greedy'} | {variety} | {metrics.mean_length(replies):.1f} | "
            f"{metrics.top_reply_share(replies, 10):.1%} | {metrics.repetition(replies, 4):.2%} | "
            f"{num_replies / written.seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
