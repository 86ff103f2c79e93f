from pathlib import Path

import pytest

from pipeline.data.phrasebook.yaml_files import read_folder
from pipeline.errors import DataError


def test_files_come_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("[1]", encoding="utf-8")
    (tmp_path / "a.yaml").write_text("배: {x: 1, y: 1}", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not read", encoding="utf-8")
    assert [(path.name, content) for path, content in read_folder(tmp_path)] == [
        ("a.yaml", {"배": {"x": 1, "y": 1}}),
        ("b.yaml", [1]),
    ]


@pytest.mark.parametrize("folder", [".", "missing"])
def test_a_folder_without_files(tmp_path: Path, folder: str) -> None:
    with pytest.raises(DataError, match=r"expected a folder with \.yaml files"):
        list(read_folder(tmp_path / folder))


@pytest.mark.parametrize("content", [b"a: [b\n", b"\xff", b"when: 2026-13-45\n"])
def test_unreadable_files_are_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(DataError, match="expected readable YAML") as error:
        list(read_folder(tmp_path))
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("food: 1\ndrink: 2\nfood: 3\n", "'food' occurs twice, again in line 3"),
        ("- id: a\n  en: b\n  id: c\n", "'id' occurs twice, again in line 3"),
        ("food:\n  x: {y: 1, y: 2}\n", "'y' occurs twice, again in line 2"),
    ],
)
def test_a_key_that_occurs_twice(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=expected) as error:
        list(read_folder(tmp_path))
    assert str(error.value).startswith(f"{file}: ")
