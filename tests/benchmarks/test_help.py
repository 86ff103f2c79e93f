"""Each benchmark says what it is for."""

import importlib

import pytest

_NAMES = ["install_peers", "training_speed", "decoding_speed", "latency", "startup"]


@pytest.mark.parametrize("name", [*_NAMES, "time_to_quality"])
def test_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as stop:
        module.main()
    assert stop.value.code == 0
    first_line = " ".join((module.__doc__ or "").splitlines()[0].split())
    assert first_line in " ".join(capsys.readouterr().out.split())
