import json
import sys
from pathlib import Path

import pytest

from pipeline import OnnxTranslator, Translator
from pipeline.cli import export
from pipeline.errors import ConfigError, ModelError

LINES = ["A man in a red shirt.", "", "Two"]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_translator_is_exported(
    tiny_translator_folder: Path,
    tmp_path: Path,
    precision: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "a folder"
    export.run([str(tiny_translator_folder), "--output", str(folder), "--precision", precision])
    assert capsys.readouterr().out == ""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["precision"] == precision
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"--output '{folder}' --precision {precision}`" in card
    found = OnnxTranslator.from_pretrained(folder).translate(LINES)
    assert found[1] == ""
    if precision == "fp32":
        assert found == Translator.from_pretrained(tiny_translator_folder).translate(LINES)


def test_the_folder_is_looked_at_before_the_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a new folder or one of an earlier export"):
        export.run([str(tmp_path / "none"), "--output", str(tmp_path)])
    with pytest.raises(ModelError, match="none: no such model folder"):
        export.run([str(tmp_path / "none"), "--output", str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()


def test_without_onnx_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.startswith("pipeline.export")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r'export needs onnx: pip install "seq2seq-.*\[onnx\]"$'):
        export.run(["model", "--output", str(tmp_path / "new")])
