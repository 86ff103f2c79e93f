"""Two processes train one network, and only one of them talks and writes."""

import json
from pathlib import Path

import pytest
import torch

from tests.integration.digits import write_digit_corpus
from tests.integration.training_process import finish, start_training

pytestmark = pytest.mark.slow


def test_two_processes_train_one_network(tmp_path: Path) -> None:
    write_digit_corpus(tmp_path / "digits", num_train=400, num_held_out=40)
    options = ["--trainer.devices", "2", "--data.batch_tokens", "150", "--trainer.max_steps", "40"]
    out, errors = finish(start_training(tmp_path, "both", *options))
    assert out.count("split  ") == 1
    validations = [line for line in errors.splitlines() if "| validation loss" in line]
    assert [line.split(" |")[0] for line in validations] == ["step 20", "step 40"]

    run = tmp_path / "runs" / "both"
    summary = json.loads((run / "checkpoints" / "finished.json").read_text())
    assert summary["steps"] == 40
    # Two batches of about 150 tokens a step.
    assert 40 * 200 < summary["tokens"] < 40 * 400
    rows = (run / "metrics.csv").read_text().splitlines()[1:]
    steps = [float(row.split(",")[0]) for row in rows]
    assert steps == sorted(set(steps)), "a step was recorded twice"
    checkpoints = sorted((run / "checkpoints").glob("*.ckpt"))
    before, after = (torch.load(path, weights_only=True)["state_dict"] for path in checkpoints)
    assert any(not torch.equal(before[name], after[name]) for name in before)
