import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.training.checkpoint import AtomicCheckpointIO, checkpoint_path, list_checkpoints


def checkpoint(step: int) -> dict[str, Any]:
    return {
        "global_step": step,
        "state_dict": {"weight": torch.full((100,), float(step))},
        "loops": {"seconds": 1.5, "names": ["a"], "nothing": None},
    }


def save(folder: Path, step: int) -> None:
    AtomicCheckpointIO().save_checkpoint(checkpoint(step), checkpoint_path(folder, step))


def steps(folder: Path) -> list[int]:
    """Of the checkpoints in a folder, each of which has to be whole."""
    loaded = [AtomicCheckpointIO().load_checkpoint(path) for path in list_checkpoints(folder)]
    for each in loaded:
        assert torch.equal(each["state_dict"]["weight"], torch.full((100,), each["global_step"]))
    return [each["global_step"] for each in loaded]


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path / "runs" / "x" / "checkpoints", 12)
    AtomicCheckpointIO().save_checkpoint(checkpoint(12), path)
    loaded = AtomicCheckpointIO().load_checkpoint(path)
    assert loaded.keys() == checkpoint(12).keys()
    assert loaded["loops"] == checkpoint(12)["loops"]
    assert steps(path.parent) == [12]


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for step in (5, 50, 500, 1000):
        save(tmp_path, step)
    assert steps(tmp_path) == [500, 1000]


def test_the_checkpoints_come_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for step in (900, 10_000):
        save(tmp_path, step)
    assert [path.name for path in list_checkpoints(tmp_path)] == [
        "step=00000900.ckpt",
        "step=00010000.ckpt",
    ]
    assert list_checkpoints(tmp_path / "nowhere") == []


@pytest.mark.parametrize("step", [2, 3])  # the file that is there, and a new one
@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_a_crash_in_a_save_leaves_the_old_and_the_next_save_works(
    where: str, step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)

    def half_a_file(content: object, stream: Any) -> None:
        stream.write(b"half of a checkpoint")
        raise KeyboardInterrupt

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if where == "write":
            patch.setattr(torch, "save", half_a_file)
        elif where == "fsync":
            patch.setattr(os, "fsync", crash)
        else:
            patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, step)
    assert steps(tmp_path) == [1, 2]
    save(tmp_path, 3)
    assert steps(tmp_path) == [2, 3]


def test_the_file_is_on_the_disk_before_it_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    real_replace, real_fsync = Path.replace, os.fsync

    def replace(path: Path, target: Path) -> Path:
        events.append("replace")
        assert path.parent == target.parent  # one filesystem: the move is one operation
        return real_replace(path, target)

    def fsync(descriptor: int) -> None:
        events.append("fsync")
        real_fsync(descriptor)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(os, "fsync", fsync)
    save(tmp_path, 1)
    assert events == ["fsync", "replace", "fsync"]  # of the file, then of its folder


def test_a_file_that_would_execute_is_refused(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "harm"),))

    path = checkpoint_path(tmp_path, 1)
    torch.save({"global_step": 1, "harm": Harm()}, path)
    with pytest.raises(pickle.UnpicklingError):
        AtomicCheckpointIO().load_checkpoint(path)
    assert not (tmp_path / "harm").exists()


def test_a_removed_checkpoint_is_gone_and_removing_it_again_is_fine(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for _ in range(2):
        AtomicCheckpointIO().remove_checkpoint(checkpoint_path(tmp_path, 1))
    assert list_checkpoints(tmp_path) == []
