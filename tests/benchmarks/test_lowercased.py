"""A corpus lowercased: every split, and nothing else of it changed."""

import json
from pathlib import Path

import pytest

from benchmarks.lowercased import main

ROWS = {
    "train": [{"en": "A Man's Dog", "de": "Der Hund DES Mannes, Straße"}, {"en": "İ", "de": "Ä"}],
    "validation": [{"en": "Two", "de": "Zwei"}],
    "test": [{"en": "three  ", "de": "DREI"}],
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, rows in ROWS.items():
        lines = [json.dumps({**row, "fr": "Non"}) + "\n" for row in rows]
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def _run(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, output: Path, *, target: str = "de"
) -> None:
    words = ["lowercased", str(corpus), "--source", "en", "--target", target]
    monkeypatch.setattr("sys.argv", [*words, "--output", str(output)])
    main()


def test_each_split_is_there_in_small_letters(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "new" / "lowercased"
    _run(monkeypatch, corpus, output)
    assert capsys.readouterr().out.endswith("lowercased: train 2, validation 1, test 1 pairs\n")
    found = {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in output.iterdir()
    }
    assert found == {
        split: [{key: text.lower() for key, text in row.items()} for row in rows]
        for split, rows in ROWS.items()
    }


def test_what_is_there_already_stays(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        _run(monkeypatch, corpus, corpus)
    assert "corpus: expected a new folder" in capsys.readouterr().err
    assert json.loads((corpus / "validation.jsonl").read_text()) == ROWS["validation"][0] | {
        "fr": "Non"
    }


def test_a_column_that_is_not_there_is_named(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        _run(monkeypatch, corpus, tmp_path / "out", target="cs")
    assert "cs" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
