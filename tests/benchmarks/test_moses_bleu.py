"""BLEU of Moses tokens, of what `evaluate --output` writes."""

import json
from pathlib import Path

import pytest

from benchmarks.moses_bleu import main, moses_tokens


def test_an_article_and_its_noun_are_parted_and_case_is_gone() -> None:
    assert moses_tokens(["L'homme s'assoit."], "fr") == ["l' homme s' assoit ."]
    assert moses_tokens(["A man's dog, 3.5 m away"], "en") == ["a man 's dog , 3.5 m away"]


def test_what_13a_leaves_together_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hypotheses.tsv"
    rows = [("a", "L’homme rit à l'étage.", "l'homme rit à l’étage ."), ("b", "Non", "Oui")]
    path.write_text(
        "source\treference\thypothesis\n" + "".join("\t".join(row) + "\n" for row in rows),
        encoding="utf-8",
    )
    monkeypatch.setattr("sys.argv", ["moses_bleu", str(path), "--language", "fr", "--json"])
    main()
    # Of 8 tokens 7 are right, of 6 bigrams 6, of 5 trigrams 5 and of 4 of four words 4.
    printed = json.loads(capsys.readouterr().out)
    assert printed["num_sentences"] == 2
    assert printed["bleu"] == pytest.approx(100 * (7 / 8) ** 0.25)


def test_a_file_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["moses_bleu", "nowhere.tsv", "--language", "fr"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "nowhere.tsv: expected" in capsys.readouterr().err
