import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline import OnnxTranslator
from pipeline.decoding import LengthLimit
from pipeline.errors import ModelError
from pipeline.runtime.folder import ExportedFolder, is_exported
from pipeline.tokenizer import Tokenizer
from tests.exporting import exported, tiny_translator


@pytest.fixture
def folder(tiny_tokenizer: Tokenizer, tmp_path: Path) -> Path:
    return exported(tiny_translator(tiny_tokenizer), tmp_path / "model")


def test_only_an_exported_folder_is_one(
    folder: Path, tiny_translator_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    assert is_exported(folder)
    assert is_exported(str(folder))
    for other in (tiny_translator_folder, tmp_path, tmp_path / "none", "owner/name"):
        assert not is_exported(other)
        with pytest.raises(ModelError, match="expected a folder that seq2seq export wrote"):
            ExportedFolder.load(other)


def test_the_length_limit_is_that_of_the_search(folder: Path) -> None:
    lengths = list(range(1, 40))
    expected = LengthLimit().of(torch.tensor(lengths)).tolist()
    assert list(map(ExportedFolder.load(folder).max_length, lengths)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format_version: expected 1 at most, got 2; update"),
        ({"format_version": None}, "format_version: expected 1 at most, got None"),
        ({"name": 3}, "name: expected str, got 3"),
        ({"length_limit": {"ratio": 2.0}}, "length_limit.extra: expected a number"),
        ({"copies_unknown": "no"}, "copies_unknown: expected bool, got 'no'"),
    ],
)
def test_a_config_that_cannot_be_read_is_an_error_that_names_the_key(
    folder: Path, change: dict[str, Any], message: str
) -> None:
    file = folder / "config.json"
    config = {**json.loads(file.read_text(encoding="utf-8")), **change}
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match=f"config.json: {message}"):
        ExportedFolder.load(folder)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "tokenizer.model"])
@pytest.mark.parametrize("content", [None, b"something else"])
def test_a_file_that_is_missing_or_damaged_is_an_error_that_names_it(
    folder: Path, name: str, content: bytes | None
) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name}: expected a") as caught:
        OnnxTranslator.from_pretrained(folder)
    assert "\n" not in str(caught.value)
