"""What the drivers share: clocks that count tokens, requests and answers."""

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.drivers.measure import TokenClock, decode


def test_tokens_before_the_warmup_is_over_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 100.0, 101.0, 104.0])
    monkeypatch.setattr("benchmarks.drivers.measure.time.perf_counter", lambda: next(times))
    clock = TokenClock(warmup_tokens=10, max_tokens=30)
    for _ in range(3):
        assert not clock.is_over
        clock.begin_step(10, 16)
    assert clock.is_over
    clock.mark()
    # From the second step, at 100 s, to the end of the third, at 104 s.
    assert clock.as_json() == {
        "tokens_per_second": 5.0,
        "num_tokens": 30,
        "num_steps": 3,
        "padding": 1 - 30 / 48,
    }


def _load(request: dict[str, Any]) -> Any:
    def translate(lines: list[str], *, batch_size: int, beam_size: int, length: int) -> list[str]:
        calls.append(list(lines))
        return [line.upper() for line in lines]

    calls: list[list[str]] = []
    return translate, {"calls": calls}


def test_a_line_at_a_time_may_have_a_length_each() -> None:
    def load(request: dict[str, Any]) -> Any:
        def translate(
            lines: list[str], *, batch_size: int, beam_size: int, length: int
        ) -> list[str]:
            return [line * length for line in lines]

        return translate, {}

    setting = {"batch_size": 1, "beam_size": 1, "length": [1, 3], "by_line": True}
    (timed,) = decode({"lines": ["a", "b"], "settings": [setting]}, load)["timed"]
    assert timed["texts"] == ["a", "bbb"]


def test_all_lines_at_once_or_a_line_at_a_time() -> None:
    setting = {"batch_size": 2, "beam_size": 1, "length": None}
    request = {"lines": ["a", "b", "c"], "settings": [setting, {**setting, "by_line": True}]}
    answer = decode(request, _load)
    at_once, by_line = answer["timed"]
    assert at_once["texts"] == by_line["texts"] == ["A", "B", "C"]
    assert (len(at_once["seconds"]), len(by_line["seconds"])) == (1, 3)
    warm = ["a", "b"]
    assert answer["calls"] == [warm, ["a", "b", "c"], warm, ["a"], ["b"], ["c"]]


def test_only_the_answer_goes_to_stdout() -> None:
    program = (
        "from benchmarks.drivers.measure import serve\n"
        "def task(request):\n    print('progress')\n    return {'doubled': 2 * request['x']}\n"
        "serve({'double': task})"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps({"task": "double", "x": 4}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == {"doubled": 8}
    assert "progress" in run.stderr
