"""When a model folder reached a BLEU; what trains is replaced."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import time_to_quality
from benchmarks.time_to_quality import seconds_to_bleu

_WRITES = """
import json, pathlib, time
folder = pathlib.Path("runs/time_to_quality/model")
folder.mkdir(parents=True)
for bleu in {scores}:
    partial = folder / "partial"
    partial.write_text(json.dumps({{"scores": {{"validation": {{"val_bleu": bleu}}}}}}))
    partial.replace(folder / "config.json")
    time.sleep(0.2)
{ends}
"""


@pytest.fixture
def in_place_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time_to_quality, "_SECONDS_BETWEEN_LOOKS", 0.01)
    popen = subprocess.Popen

    def replace(scores: list[float], ends: str = "") -> None:
        program = _WRITES.format(scores=json.dumps(scores), ends=ends)

        def start(command: list[str], **options: Any) -> Any:
            assert command[2:5] == ["pipeline", "train", "--x"]
            return popen([sys.executable, "-c", program], **{**options, "stdout": None})

        monkeypatch.setattr(subprocess, "Popen", start)

    return replace


def test_training_ends_when_the_model_is_good_enough(in_place_of_training: Any) -> None:
    in_place_of_training([10.0, 36.0], ends="time.sleep(60)")
    seconds, best = seconds_to_bleu(["--x"], 35.0, threads=1, limit=50.0)
    assert seconds is not None
    assert best == 36


def test_a_model_that_never_gets_there_is_given_up(in_place_of_training: Any) -> None:
    in_place_of_training([10.0, 12.0])
    assert seconds_to_bleu(["--x"], 35.0, threads=1, limit=50.0) == (None, 12)


def test_a_training_that_fails_is_no_measurement(in_place_of_training: Any) -> None:
    in_place_of_training([10.0], ends="raise SystemExit(2)")
    with pytest.raises(SystemExit, match="exit code 2"):
        seconds_to_bleu(["--x"], 35.0, threads=1, limit=50.0)
