import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.metrics import load_comet


class _Judge:
    """Scores by the share of translations that equal their reference."""

    def predict(
        self, samples: Sequence[dict[str, str]], *, gpus: int, progress_bar: bool
    ) -> SimpleNamespace:
        assert (gpus, progress_bar) == (0, False)
        assert [sample["src"] for sample in samples] == ["eins", "zwei"]
        right = sum(sample["mt"] == sample["ref"] for sample in samples)
        return SimpleNamespace(system_score=right / len(samples))


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the stub in the place of `comet` was asked to load."""
    paths: list[str] = []

    def load_from_checkpoint(path: str) -> _Judge:
        paths.append(path)
        return _Judge()

    stub: Any = ModuleType("comet")
    stub.download_model = lambda name: f"downloaded/{name}"
    stub.load_from_checkpoint = load_from_checkpoint
    monkeypatch.setitem(sys.modules, "comet", stub)
    return paths


def test_a_model_is_a_name_or_a_file(loaded: list[str], tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.ckpt"
    checkpoint.touch()
    score = load_comet("owner/name")
    load_comet(str(checkpoint))
    assert loaded == ["downloaded/owner/name", str(checkpoint)]
    assert score(["eins", "zwei"], ["one", "to"], ["one", "two"]) == 0.5


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "comet", None)
    with pytest.raises(ConfigError, match="^--comet owner/name: needs unbabel-comet"):
        load_comet("owner/name")


def test_a_model_that_cannot_be_loaded_is_named(
    loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def download_model(name: str) -> str:
        raise KeyError(f"{name} not supported")

    monkeypatch.setattr(sys.modules["comet"], "download_model", download_model)
    with pytest.raises(ConfigError, match="^--comet owner/name: cannot be loaded .*not supported"):
        load_comet("owner/name")
    assert loaded == []
