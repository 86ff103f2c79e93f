import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.data import tables
from pipeline.data.files import DataFile, Row, read_rows
from pipeline.data.tables import read_text
from pipeline.errors import DataError

COLUMNS = ["a", "b"]
GOOD = b'{"a": "x", "b": "y"}\n'

ODD = [
    b"",
    b"\n",
    b'{"b": "z", "a": "w", "c": {"d": [1, 2]}}\n',
    b'{"a": "x", "a": "y", "b": "1"}\n',
    b'{"a": "\\ud800", "b": "1"}\n',
    b'{"a": "\\ud83d\\ude00", "b": "\\u0000x"}\n',
    '{"a": "안녕", "b": "\u2028"}\n'.encode(),
    b'{"a": "x\ty", "b": ""}\n',
    b'{"a": "\xff", "b": ""}\n',
    b'{"a": "1", "b": "2", "c": "\xff"}\n',
    b'{"a": 1, "b": ""}\n',
    b'{"a": true, "b": ""}\n',
    b'{"a": ["x"], "b": ""}\n',
    b'{"a": null, "b": ""}\n',
    b'{"b": ""}\n',
    b'{"a": "1", "b": "2"}{"a": "3", "b": "4"}\n',
    b'{"a": "1",\n"b": "2"}\n',
    b'{"a": "1", "b": "2"} x\n',
    b'[{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]\n',
    b'[\n{"a": "1", "b": "2"},\n{"a": "3"}\n]\n',
    b'"x"\n',
    b'{"a": "1", "b": "2", "c": NaN}\n',
    b'{"a": "1", "b": "2", "c": 1e999}\n',
    b'{"a": "1", "b": "2",}\n',
    b"{'a': '1'}\n",
    b'{"a": "1", "b": "2"}\r\n{"a": "1", "b": "2"}\r\n',
    b'\n\n{"a": "1", "b": "2"}\n\n',
    b'{"\\u0061": "1", "b": "2"}\n',
    b'\xef\xbb\xbf{"a": "1", "b": "2"}\n',
    b'{"a": "1", "b": "2"}',
]


@pytest.fixture(autouse=True)
def few_bytes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_BYTES_AT_A_TIME", 3 * len(GOOD))


def _file(folder: Path, content: bytes, name: str = "pairs.jsonl") -> DataFile:
    path = folder / name
    path.write_bytes(content)
    return DataFile(name, path)


def _cells(rows: Iterable[pa.RecordBatch | Row]) -> tuple[list[object], str]:
    """What the cells of all rows are, and of what comes last the error."""
    found: list[object] = []
    try:
        for row in rows:
            if isinstance(row, pa.RecordBatch):
                found += row.select(COLUMNS).to_pylist()
            else:
                found.append({name: row[1].get(name, "missing") for name in COLUMNS})
    except DataError as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize("odd", ODD, ids=[repr(odd[:40]) for odd in ODD])
@pytest.mark.parametrize("before", [0, 1, 20])
def test_it_gives_the_rows_and_the_errors_of_read_rows(
    tmp_path: Path, odd: bytes, before: int
) -> None:
    file = _file(tmp_path, GOOD * before + odd + GOOD * 20)
    assert _cells(read_text(file, COLUMNS)) == _cells(read_rows(file, COLUMNS))


def test_text_comes_in_batches_until_there_is_something_else(tmp_path: Path) -> None:
    file = _file(tmp_path, GOOD * 10)
    assert all(isinstance(row, pa.RecordBatch) for row in read_text(file, COLUMNS))
    rows = list(read_text(_file(tmp_path, GOOD * 10 + b'{"a": 1, "b": "y"}\n' + GOOD), COLUMNS))
    batches = [row for row in rows if isinstance(row, pa.RecordBatch)]
    assert rows[: len(batches)] == batches
    num_rows = sum(len(batch) for batch in batches)
    assert num_rows >= 6
    places = [row[0] for row in rows[len(batches) :] if not isinstance(row, pa.RecordBatch)]
    assert places == [f"pairs.jsonl, line {number}" for number in range(num_rows + 1, 13)]


def test_a_packed_file_that_breaks_off_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD * 1000 + json.dumps({"a": "é" * 99, "b": "y"}).encode())
    file = _file(tmp_path, packed, "pairs.jsonl.gz")
    assert len(_cells(read_text(file, COLUMNS))[0]) == 1001
    broken = _file(tmp_path, packed[:-10], "broken.jsonl.gz")
    found, error = _cells(read_text(broken, COLUMNS))
    assert (found, error) == _cells(read_rows(broken, COLUMNS))
    assert "broken.jsonl.gz: cannot be read after line" in error


def test_other_formats_come_row_by_row(tmp_path: Path) -> None:
    file = _file(tmp_path, b"a\tb\nx\ty\n", "pairs.tsv")
    assert list(read_text(file, COLUMNS)) == list(read_rows(file, COLUMNS))
