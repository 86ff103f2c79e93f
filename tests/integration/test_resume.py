"""A run that is killed goes on as if nothing had happened, bit for bit."""

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.integration.digits import write_digit_corpus
from tests.integration.training_process import finish, start_training

pytestmark = pytest.mark.slow

_OPTIONS = (
    *("--data.batch_tokens", "300", "--data.tokenizer.sampling_alpha", "0.3"),
    *("--model.dropout", "0.2", "--trainer.max_steps", "150"),
)


def _last_checkpoint(run: Path) -> Path:
    return max((run / "checkpoints").glob("*.ckpt"))


def _kill_after(process: subprocess.Popen[str], run: Path, checkpoints: Sequence[str]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if any((run / "checkpoints" / name).exists() for name in checkpoints):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_killed_runs_end_with_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    write_digit_corpus(tmp_path / "digits", num_train=400, num_held_out=40)
    finish(start_training(tmp_path, "whole", *_OPTIONS))

    killed = tmp_path / "runs" / "killed"
    for step in (40, 100):
        process = start_training(tmp_path, "killed", *_OPTIONS)
        _kill_after(process, killed, [f"step={step:08}.ckpt"])
        assert not (killed / "checkpoints" / "finished.json").exists()
    finish(start_training(tmp_path, "killed", *_OPTIONS))

    whole = tmp_path / "runs" / "whole"
    one = torch.load(_last_checkpoint(whole), weights_only=True)
    other = torch.load(_last_checkpoint(killed), weights_only=True)
    assert one["global_step"] == other["global_step"] == 150
    for name, tensor in one["state_dict"].items():
        assert torch.equal(tensor, other["state_dict"][name]), name
    best = safetensors.torch.load_file(whole / "model" / "model.safetensors")
    resumed = safetensors.torch.load_file(killed / "model" / "model.safetensors")
    for name, tensor in best.items():
        assert torch.equal(tensor, resumed[name]), name
    rows = (killed / "metrics.csv").read_text().splitlines()[1:]
    steps = [float(row.split(",")[0]) for row in rows]
    assert steps == sorted(set(steps)), "a step was recorded twice"
