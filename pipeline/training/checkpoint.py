"""Checkpoints that a kill at any moment cannot destroy."""

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

_PATTERN = "step=*.ckpt"
_NUM_KEPT = 2


class AtomicCheckpointIO(CheckpointIO):
    """Writes beside the target, then moves the file into place.

    Lightning's own stages a checkpoint in $TMPDIR; where that is another filesystem, the last move
    is a copy, and a kill in it destroys the checkpoint that was there.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint whole or not at all, and drop the oldest of more than two."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as stream:
            torch.save(checkpoint, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
        for old in list_checkpoints(target.parent)[:-_NUM_KEPT]:
            old.unlink()

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read tensors and plain values; nothing in the file is executed."""
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


def checkpoint_path(folder: Path, step: int) -> Path:
    """The file of the checkpoint of this step."""
    return folder / f"step={step:08}.ckpt"


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the last one last."""
    return sorted(folder.glob(_PATTERN))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
