from collections.abc import Iterator

import pytest
import torch

from pipeline.training.processes import is_first, share_cores


@pytest.fixture
def _four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_four_threads")
@pytest.mark.parametrize(("num_processes", "threads"), [(1, 4), (2, 2), (3, 1), (8, 1)])
def test_processes_share_the_cores(num_processes: int, threads: int) -> None:
    share_cores(num_processes)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("rank", "first"), [(None, True), ("0", True), ("1", False)])
def test_the_first_process_talks(
    rank: str | None, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert is_first() is first
