import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.data.files import DataFile, ending, read_aligned, read_rows
from pipeline.errors import DataError

COLUMNS = ["source", "target"]
TEXTS = [
    "plain",
    "",
    ' "quoted" ',
    "a\u2028b\x0bc\x0cd\x85e",
    "nul \x00 byte",
    "👩🏽‍🚀 emoji",
    "שלום عليكم",
    "한국어 ㅋㅋ",
    "NA",
    "null",
    "12",
    "2019-01-01",
    "tru\\ne",
]


def write(folder: Path, name: str, content: str | bytes) -> DataFile:
    path = folder / name
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return DataFile(str(path), path)


def rows(file: DataFile) -> list[dict[str, object]]:
    return [dict(row) for _, row in read_rows(file, COLUMNS)]


def error(file: DataFile) -> str:
    with pytest.raises(DataError) as caught:
        rows(file)
    message = str(caught.value)
    assert "\n" not in message
    assert file.name in message
    return message.replace(file.name, "FILE")


def aligned(files: Sequence[DataFile]) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for _, row in read_aligned(files, COLUMNS)]


def json_lines(texts: Sequence[str]) -> str:
    return "".join(json.dumps({"source": text, "target": "t"}) + "\n" for text in texts)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json", "A.JSONL"])
def test_json_lines_give_their_texts_back(tmp_path: Path, name: str) -> None:
    assert [row["source"] for row in rows(write(tmp_path, name, json_lines(TEXTS)))] == TEXTS


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_gives_its_objects(tmp_path: Path, indent: int | None) -> None:
    array = [{"source": text} for text in TEXTS]
    assert rows(write(tmp_path, "a.json", json.dumps(array, indent=indent))) == array


def test_csv_quotes_and_tsv_does_not(tmp_path: Path) -> None:
    csv = write(tmp_path, "a.csv", 'source,target\n"a, ""b""\nc",12\n')
    tsv = write(tmp_path, "a.tsv", 'source\ttarget\n"a, ""b""\t12\n')
    assert rows(csv) == [{"source": 'a, "b"\nc', "target": "12"}]
    assert rows(tsv) == [{"source": '"a, ""b""', "target": "12"}]


def test_tables_hold_text_whatever_it_looks_like(tmp_path: Path) -> None:
    texts = [text for text in TEXTS if '"' not in text]
    csv = write(tmp_path, "a.csv", "source,target\n" + "".join(f"{text},x\n" for text in texts))
    tsv = write(tmp_path, "a.tsv", "source\ttarget\n" + "".join(f"{text}\tx\n" for text in texts))
    assert [row["source"] for row in rows(csv)] == texts
    assert [row["source"] for row in rows(tsv)] == texts


def test_parquet_reads_the_columns_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"source": ["a"], "target": ["b"], "big": [b"x"]}), path)
    assert rows(DataFile(str(path), path)) == [{"source": "a", "target": "b"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '\ufeff{"source": "a"}\r\n\r\n  \n{"source": "b"}'),
        ("a.jsonl.gz", '\ufeff{"source": "a"}\r\n\r\n{"source": "b"}\r\n'),
        ("a.json", '\ufeff\n[{"source": "a"},\r\n\r\n{"source": "b"}]'),
        ("a.csv", "\ufeffsource\r\na\r\n\r\nb"),
        ("a.tsv", "\ufeffsource\r\na\r\n\r\nb\r\n"),
    ],
)
def test_marks_line_ends_and_blank_lines_are_no_text(
    tmp_path: Path, name: str, content: str
) -> None:
    assert rows(write(tmp_path, name, content)) == [{"source": "a"}, {"source": "b"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
def test_a_line_of_a_megabyte_is_a_line(tmp_path: Path, name: str) -> None:
    text = "ä " * 500_000
    content = json_lines([text]) if name == "a.jsonl" else f"source\n{text}\n"
    assert rows(write(tmp_path, name, content))[0]["source"] == text


@pytest.mark.parametrize(
    ("name", "head", "good", "bad"),
    [
        ("a.jsonl", b"", b'{"source": "a"}\n', b'{"source": "\xb0"}\n'),
        ("a.jsonl.gz", b"", b'{"source": "a"}\n', b'{"source": "\xb0"}\n'),
        ("a.json", b"[\n", b'{"source": "a"},\n', b'{"source": "\xb0"}]\n'),
        ("a.csv", b"source\n", b"a\n", b"\xb0\n"),
        ("a.csv.gz", b"source\n", b"a\n", b"\xb0\n"),
        ("a.tsv", b"source\n", b"a\n", b"\xb0\n"),
    ],
)
def test_invalid_utf8_is_named_by_line(
    tmp_path: Path, name: str, head: bytes, good: bytes, bad: bytes
) -> None:
    line = 4 if head else 3
    message = error(write(tmp_path, name, head + good + good + bad))
    assert message.startswith(f"FILE, line {line}: not UTF-8 (byte 0xb0")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n{"a": \n', "FILE, line 2: broken JSON (Expecting value"),
        ('{"a": 1} {"a": 2}\n', "FILE, line 1: broken JSON (Extra data"),
        ('{\n  "a": 1\n}\n', "FILE, line 1: broken JSON"),
        ('[{"a": 1},\n {"a" 2}]', "FILE, line 2: broken JSON"),
        ('\n\n[{"a": 1},\n{]', "FILE, line 4: broken JSON"),
        ('{"a": ' + "[" * 100_000, "FILE, line 1: broken JSON"),
        ("[" * 100_000, "FILE: broken JSON"),
        ('{"a": 1' + "0" * 5000 + "}", "FILE, line 1: broken JSON"),
        ('"text"\n', "FILE, line 1: expected an object with columns as keys, got text"),
        ('[{"a": 1}, null]', "FILE, row 2: expected an object with columns as keys, got null"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl.gz"])
def test_broken_json_is_named_by_line(
    tmp_path: Path, name: str, content: str, expected: str
) -> None:
    assert error(write(tmp_path, name, content)).startswith(expected)


def test_ragged_rows_are_named_by_line(tmp_path: Path) -> None:
    csv = write(tmp_path, "a.csv", 'source,target\n"a\nb",c\nd\n')
    tsv = write(tmp_path, "a.tsv", "source\ttarget\na\tb\tc\n")
    assert error(csv).startswith("FILE, line 4: 1 cells, expected 2 as in the first line")
    assert error(tsv).startswith("FILE, line 2: 3 cells, expected 2 as in the first line")


def test_an_open_quote_is_named_by_the_line_where_its_row_begins(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", 'source,target\na,b\n"c,d\ne,f\n')
    assert error(file).startswith("FILE, line 3: broken CSV (unexpected end of data")


def test_what_is_not_gzip_or_breaks_off_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"no gzip")
    assert "Not a gzipped file" in error(DataFile(str(path), path))
    path.write_bytes(gzip.compress(json_lines(TEXTS * 100).encode())[:-20])
    assert "cannot be read after line" in error(DataFile(str(path), path))


def test_what_is_not_parquet_is_said(tmp_path: Path) -> None:
    assert "not a readable parquet file" in error(write(tmp_path, "a.parquet", "no parquet"))


def test_an_unknown_ending_says_which_are_known(tmp_path: Path) -> None:
    assert ".jsonl" in error(write(tmp_path, "a.xlsx", "x"))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "No such file" in error(DataFile(str(tmp_path / "a.csv"), tmp_path / "a.csv"))


def test_the_ending_of_a_url_stands_before_the_query() -> None:
    assert ending("https://x.org/a.JSONL.gz?raw=true#top") == ".jsonl"
    assert DataFile("https://x.org/a.csv.gz?raw=1", Path("x")).is_gzipped
    assert not DataFile("https://x.org/a.csv?name=b.gz", Path("x")).is_gzipped


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8")), max_size=8))
def test_aligned_lines_are_parted_by_line_feeds_alone(tmp_path: Path, texts: list[str]) -> None:
    texts = [text.rstrip("\r").lstrip("\ufeff") for text in texts]
    content = "".join(f"{text}\r\n" for text in texts)
    files = [write(tmp_path, "a.de", content), write(tmp_path, "b.en.gz", content)]
    assert aligned(files) == [(text, text) for text in texts]


def test_blank_aligned_lines_keep_their_place(tmp_path: Path) -> None:
    files = [write(tmp_path, "a", "\ufeffa\n\nc"), write(tmp_path, "b", "d\ne\n\n")]
    assert aligned(files) == [("a", "d"), ("", "e"), ("c", "")]


def test_aligned_files_of_different_length_are_counted(tmp_path: Path) -> None:
    files = [write(tmp_path, "a", "x\n" * 1_234), write(tmp_path, "b", "x\n" * 3)]
    for pair in (files, files[::-1]):
        with pytest.raises(DataError) as caught:
            aligned(pair)
        assert f"{files[0].name} has 1,234 lines" in str(caught.value)
        assert f"{files[1].name} has 3 lines" in str(caught.value)
