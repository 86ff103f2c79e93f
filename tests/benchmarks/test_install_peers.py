"""Patches of what is installed; nothing is installed here."""

from pathlib import Path

import pytest

from benchmarks import install_peers
from benchmarks.install_peers import PEERS, Patch


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    (tmp_path / "module.py").write_text("x = load(path)\n", encoding="utf-8")
    return tmp_path


_PATCH = Patch("module.py", "load(path)", "load(path, weights_only=False)", "a reason")


def test_a_patch_changes_the_file_once(site_packages: Path) -> None:
    for _ in range(2):
        _PATCH.apply(site_packages)
        text = (site_packages / "module.py").read_text(encoding="utf-8")
        assert text == "x = load(path, weights_only=False)\n"


def test_a_patch_that_does_not_fit_is_told(site_packages: Path) -> None:
    patch = Patch("module.py", "read(path)", "read(path, 1)", "a reason")
    with pytest.raises(SystemExit, match="read\\(path\\)"):
        patch.apply(site_packages)


def test_a_file_that_is_to_go_goes(site_packages: Path) -> None:
    for _ in range(2):
        Patch("module.py", "", "", "a reason").apply(site_packages)
        assert not (site_packages / "module.py").exists()


def test_a_patched_text_does_not_match_again() -> None:
    for peer in PEERS.values():
        for patch in peer.patches:
            assert patch.reason
            assert not patch.old or patch.old not in patch.new


def test_an_unknown_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["install_peers", "fairseq"])
    with pytest.raises(SystemExit) as stop:
        install_peers.main()
    assert stop.value.code == 2
    assert "opennmt, joeynmt, ctranslate2; got fairseq" in capsys.readouterr().err
