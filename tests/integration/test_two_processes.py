"""Two processes train one network, and only one of them talks and writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.integration.digits import write_digit_corpus

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parents[2]
_OPTIONS = (
    *("--data.path", "digits", "--data.tokenizer.vocab_size", "280", "--data.batch_tokens", "150"),
    *("--model.embedding_dim", "16", "--model.hidden_size", "32", "--trainer.devices", "2"),
    *("--trainer.validate_every", "20", "--trainer.warmup_steps", "10"),
)


def _train(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "HF_DATASETS_CACHE": str(folder / "hf")}
    words = [sys.executable, "-m", "pipeline", "train", "--name", name, *_OPTIONS]
    return subprocess.run(
        [*words, "--trainer.max_steps", "40"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_processes_train_one_network(tmp_path: Path) -> None:
    write_digit_corpus(tmp_path / "digits", num_train=400, num_held_out=40)
    finished = _train(tmp_path, "both")
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert finished.stdout.count("split  ") == 1
    validations = [line for line in finished.stderr.splitlines() if "| validation loss" in line]
    assert [line.split(" |")[0] for line in validations] == ["step 20", "step 40"]

    run = tmp_path / "runs" / "both"
    summary = json.loads((run / "checkpoints" / "finished.json").read_text())
    assert summary["steps"] == 40
    # Two batches of about 150 tokens a step.
    assert 40 * 200 < summary["tokens"] < 40 * 400
    checkpoints = sorted((run / "checkpoints").glob("*.ckpt"))
    before, after = (torch.load(path, weights_only=True)["state_dict"] for path in checkpoints)
    assert any(not torch.equal(before[name], after[name]) for name in before)
