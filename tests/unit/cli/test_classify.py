import io
import sys
from pathlib import Path

import pytest

from pipeline import Classifier
from pipeline.cli import classify
from pipeline.data.config import DataConfig
from pipeline.errors import DataError, ModelError
from pipeline.model_folder import save_model
from pipeline.tokenizer import Tokenizer
from tests.building import build_untrained

_LINES = ["The little dog runs.", "", "Two", "강아지가 풀밭에서 뛰어다녀요.", "water water water"]


@pytest.fixture
def folder(tiny_tokenizer: Tokenizer, tmp_path: Path) -> Path:
    config = DataConfig(path="x", task="classification", labels=["좋음", "나쁨", "so so"])
    save_model(build_untrained(config, tiny_tokenizer), tmp_path / "model")
    return tmp_path / "model"


def _expected(folder: Path) -> str:
    labels = Classifier.from_pretrained(folder).classify(_LINES)
    assert len(set(labels)) > 1
    return "".join(f"{label}\n" for label in labels)


def test_each_line_of_a_file_gets_its_label(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(_LINES), encoding="utf-8")
    classify.run([str(folder), str(file)])
    assert capsys.readouterr() == (_expected(folder), "")


@pytest.mark.parametrize("words", [[], ["-"]])
def test_without_a_file_stdin_is_classified(
    folder: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(_LINES).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    classify.run([str(folder), *words])
    assert capsys.readouterr().out == _expected(folder)


def test_a_missing_file_is_told_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing.txt: no such file"):
        classify.run([str(tmp_path / "no model"), "missing.txt"])


def test_models_that_cannot_classify(tiny_translator_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a model for translation; expected classification"):
        classify.run([str(tiny_translator_folder)])
    with pytest.raises(ModelError, match="no such model folder"):
        classify.run([str(tmp_path / "nothing")])
