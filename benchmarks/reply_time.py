"""How long a chatbot lets one wait: to the first piece of a reply, and to its end.

    python -m benchmarks.reply_time MODEL [--messages FILE] [--json]

One thread, each message in a conversation of its own; medians and 95th percentiles over the
messages of a file (a message a line), after a first round that is not counted.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from pipeline import ChatSession

_MESSAGES = Path(__file__).with_name("everyday_korean.txt")


def milliseconds(session: ChatSession, message: str) -> tuple[float, float]:
    """To the first piece, and in all."""
    session.reset()
    started = time.perf_counter()
    first = 0.0
    for _ in session.stream(message):
        first = first or time.perf_counter() - started
    whole = time.perf_counter() - started
    return 1000 * (first or whole), 1000 * whole


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--messages", default=str(_MESSAGES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    session = ChatSession.from_pretrained(options.model)
    messages = Path(options.messages).read_text(encoding="utf-8").splitlines()
    for message in messages:
        session.reply(message)
    firsts, wholes = zip(*(milliseconds(session, message) for message in messages), strict=True)
    row = {
        "num_messages": len(messages),
        "first_piece_median": statistics.median(firsts),
        "first_piece_p95": statistics.quantiles(firsts, n=20)[-1],
        "whole_reply_median": statistics.median(wholes),
        "whole_reply_p95": statistics.quantiles(wholes, n=20)[-1],
    }
    if options.json:
        print(json.dumps(row))
        return
    print(f"{len(messages)} messages, one thread, milliseconds")
    print(f"first piece  {row['first_piece_median']:.1f} (p95 {row['first_piece_p95']:.1f})")
    print(f"whole reply  {row['whole_reply_median']:.1f} (p95 {row['whole_reply_p95']:.1f})")


if __name__ == "__main__":
    main()
