from pathlib import Path

import pytest

from pipeline.data.phrasebook.__main__ import main


def test_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (
        ("fillers", "food:\n  kind: text\n  fillers: [tea | 차 | Tee]\n"),
        (
            "frames",
            "- id: more\n  en: 'More {food}.'\n  ko: '{food} 더요.'\n  de: 'Mehr {food}.'\n",
        ),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cafe.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["phrasebook", str(tmp_path), "--samples", "3"])
    main()
    assert capsys.readouterr().out.splitlines() == [
        "frames 1",
        "fillers 1 in 1 classes",
        "rows 1: train 1, validation 0, test 0",
        "  cafe 1",
        "More tea. | 차 더요. | Mehr Tee.",
    ]
