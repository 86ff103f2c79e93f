"""`seq2seq train` on digits as a process of its own: to be killed, or to start another."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_SMALL = (
    *("--data.path", "digits", "--data.tokenizer.vocab_size", "280", "--model.embedding_dim", "16"),
    *(
        "--model.hidden_size",
        "32",
        "--trainer.validate_every",
        "20",
        "--trainer.warmup_steps",
        "10",
    ),
)


def start_training(folder: Path, name: str, *options: str) -> subprocess.Popen[str]:
    """Start a run of a small network; `folder` holds the corpus `digits`."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "HF_DATASETS_CACHE": str(folder / "hf")}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "train", "--name", name, *_SMALL, *options],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for its success; what it wrote to stdout and stderr."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-2000:]
    return out, errors
