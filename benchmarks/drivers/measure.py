"""What every driver has in common: a request on stdin, an answer on stdout, and clocks.

Only the standard library: a driver runs in the interpreter of what it drives.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Translate = Callable[..., list[str]]
"""From lines, with `batch_size`, `beam_size` and `length` (of all outputs in pieces; None: the
model's own), to their translations."""
Loaded = tuple[Translate, dict[str, Any]]
"""A translator, and what there is to say of it."""


class TokenClock:
    """Target tokens a second of a training, after a warm-up, until so many tokens are trained on.

    Args:
        warmup_tokens: Trained on before the clock starts.
        max_tokens: Trained on in all.
    """

    def __init__(self, warmup_tokens: int, max_tokens: int) -> None:
        self._warmup_tokens = warmup_tokens
        self._max_tokens = max_tokens
        self._started: tuple[int, float] | None = None
        self._ended: tuple[int, float] | None = None
        self.num_tokens = 0
        self.num_positions = 0
        self.num_steps = 0

    @property
    def is_over(self) -> bool:
        """Whether all tokens have been trained on."""
        return self.num_tokens >= self._max_tokens

    def begin_step(self, num_tokens: int, num_positions: int) -> None:
        """To be called before a step, with its target tokens (EOS among them), and with padding."""
        self.mark()
        self.num_tokens += num_tokens
        self.num_positions += num_positions
        self.num_steps += 1

    def mark(self) -> None:
        """Between two steps, and after the last one: look at the time."""
        now = (self.num_tokens, time.perf_counter())
        if self._started is None and self.num_tokens >= self._warmup_tokens:
            self._started = now
        self._ended = now

    def as_json(self) -> dict[str, float]:
        """`tokens_per_second`; all tokens and steps; the share of positions that was padding."""
        assert self._started is not None
        assert self._ended is not None
        (before, started), (after, ended) = self._started, self._ended
        return {
            "tokens_per_second": (after - before) / (ended - started),
            "num_tokens": self.num_tokens,
            "num_steps": self.num_steps,
            "padding": 1 - self.num_tokens / self.num_positions,
        }


def decode(request: dict[str, Any], load: Callable[[dict[str, Any]], Loaded]) -> dict[str, Any]:
    """Time each setting of the request: all lines at once, or a line at a time.

    A line at a time, `length` may also be a list, with the length of each line's output.
    Gives of each setting the seconds of the whole or of each line, and the translations.
    """
    translate, answer = load(request)
    lines = request["lines"]
    timed = []
    for setting in request["settings"]:
        setting = dict(setting)
        by_line, length = setting.pop("by_line", False), setting.pop("length")
        parts = [[line] for line in lines] if by_line else [lines]
        lengths = length if isinstance(length, list) else [length] * len(parts)
        texts: list[str] = []
        # what is done once, is done
        translate(lines[: setting["batch_size"]], length=lengths[0], **setting)
        times = []
        for part, its_length in zip(parts, lengths, strict=True):
            started = time.perf_counter()
            texts += translate(part, length=its_length, **setting)
            times.append(time.perf_counter() - started)
        timed.append({"seconds": times, "texts": texts})
    return answer | {"timed": timed}


def serve(tasks: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """Read a request, do its task, and print what it gives: JSON both ways.

    What else is printed meanwhile goes to stderr.
    """
    request = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(2, 1)
    given = tasks[request["task"]](request)
    with os.fdopen(answer, "w", encoding="utf-8") as stream, suppress(BrokenPipeError):
        stream.write(json.dumps(given) + "\n")
