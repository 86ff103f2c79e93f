"""One data file → rows. Says where each row stands, so that whoever reads them can say it too.

Knows nothing of the columns that count, of splits or of the cache.
"""

import csv
import gzip
import io
import json
import textwrap
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import DataError

Row = tuple[str, Mapping[str, object]]
"""Where the row stands, as `train.jsonl, line 7`, and its cells by column."""

ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".parquet")
_ROWS_AT_A_TIME = 1_000


@dataclass(frozen=True)
class DataFile:
    """A file to read.

    Attributes:
        name: What the user calls it: the path, or the URL that it came from.
        path: Where its bytes are.
    """

    name: str
    path: Path

    @property
    def is_gzipped(self) -> bool:
        """Whether the name ends in `.gz`."""
        return _without_query(self.name).endswith(".gz")


def ending(name: str) -> str:
    """What a file name or URL says about the format, as `.jsonl`; without `.gz`."""
    return Path(_without_query(name).removesuffix(".gz")).suffix


def _without_query(name: str) -> str:
    if is_url(name):
        name = name.partition("#")[0].partition("?")[0]
    return name.lower()


def is_url(path: str) -> bool:
    """Whether the path is an http(s) URL."""
    return path.startswith(("http://", "https://"))


def read_rows(file: DataFile, columns: Sequence[str], *, after_lines: int = 0) -> Iterator[Row]:
    """Rows of a json, jsonl, csv, tsv (`.gz` too) or parquet file; blank lines are no rows.

    Rows have at least those of `columns` that the file has. Of a json or jsonl file the first
    `after_lines` lines can be left out.

    Raises:
        DataError: The file cannot be read, or not as its ending says; names the line.
    """
    match ending(file.name):
        case ".json" | ".jsonl":
            return _read_json(file, after_lines)
        case ".csv":
            return _read_csv(file)
        case ".tsv":
            return _read_tsv(file)
        case ".parquet":
            return _read_parquet(file, columns)
    raise DataError(
        f"{file.name}: expected a file that ends in {', '.join(ENDINGS)} (or .gz after it), "
        "or a list of two aligned text files"
    )


def read_aligned(files: Sequence[DataFile], columns: Sequence[str]) -> Iterator[Row]:
    r"""Line by line, one column a file. Only `\n` and `\r\n` part lines.

    Raises:
        DataError: A file cannot be read, or they have different numbers of lines.
    """
    assert len(files) == len(columns) > 1
    readers = [_lines(file) for file in files]
    number = 0
    for number, cells in enumerate(zip_longest(*readers), start=1):
        if None in cells:
            break
        yield f"{files[0].name}, line {number}", dict(zip(columns, cells, strict=True))
    else:
        return
    counts = [number - (cell is None) for cell in cells]
    counts = [count + sum(1 for _ in reader) for count, reader in zip(counts, readers, strict=True)]
    other = next(i for i, count in enumerate(counts) if count != counts[0])
    raise DataError(
        f"{files[0].name} has {counts[0]:,} lines and {files[other].name} has {counts[other]:,} "
        "lines; expected the same number, line n of one being the translation of line n of the "
        "other"
    )


def _read_json(file: DataFile, after_lines: int) -> Iterator[Row]:
    lines = islice(enumerate(_lines(file), start=1), after_lines, None)
    for number, line in lines:
        if not line.strip():
            continue
        if line.lstrip().startswith("["):
            rest = "\n".join([line, *(line for _, line in lines)])
            yield from _read_json_array(file, rest, num_lines_before=number - 1)
            return
        where = f"{file.name}, line {number}"
        yield where, _as_row(_parse_json(line, where), where)


def _read_json_array(file: DataFile, text: str, *, num_lines_before: int) -> Iterator[Row]:
    try:
        array = json.loads(text)
    except json.JSONDecodeError as error:
        line = num_lines_before + error.lineno
        raise DataError(f"{file.name}, line {line}: broken JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file.name}: broken JSON ({error})") from error
    for number, row in enumerate(array, start=1):
        where = f"{file.name}, row {number}"
        yield where, _as_row(row, where)


def _parse_json(line: str, where: str) -> object:
    try:
        return cast(object, json.loads(line))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where}: broken JSON ({error.msg} at column {error.colno}); "
            "expected one object a line, or one array of objects"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: broken JSON ({error})") from error


def _as_row(value: object, where: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise DataError(f"{where}: expected an object with columns as keys, got {kind(value)}")


def _read_csv(file: DataFile) -> Iterator[Row]:
    # The limit of 131,072 characters a cell is the module's, for all; a line may be longer here.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader((line + "\n" for line in _lines(file)), strict=True)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            if cells and not header:
                header = cells
            elif cells:
                yield _checked_cells(file, start, header, cells)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{file.name}, line {start}: broken CSV ({error})") from error


def _read_tsv(file: DataFile) -> Iterator[Row]:
    header: list[str] = []
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        # No quoting: a quotation mark in a sentence is one.
        cells = line.split("\t")
        if header:
            yield _checked_cells(file, number, header, cells)
        else:
            header = cells


def _checked_cells(file: DataFile, line: int, header: list[str], cells: list[str]) -> Row:
    where = f"{file.name}, line {line}"
    if len(cells) != len(header):
        raise DataError(
            f"{where}: {len(cells)} cells, expected {len(header)} as in the first line "
            f"({shown(header)})"
        )
    return where, dict(zip(header, cells, strict=True))


def _read_parquet(file: DataFile, columns: Sequence[str]) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(file.path) as parquet:
            needed = columns_to_read(parquet.schema_arrow.names, columns)
            for batch in parquet.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=needed):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file.name}, row {number}", row
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.name}: not a readable parquet file ({one_line(error)})") from error


def _lines(file: DataFile) -> Iterator[str]:
    """Lines without their end, the byte order mark gone."""
    with open_file(file) as stream:
        number = 0
        try:
            for number, line in enumerate(stream, start=1):
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file.name}, line {number}: not UTF-8 (byte 0x{error.object[error.start]:02x} "
                f"at position {error.start + 1} of the line)"
            ) from error
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{file.name}: cannot be read after line {number} ({one_line(error)})"
            ) from error


def open_file(file: DataFile) -> gzip.GzipFile | io.BufferedReader:
    """The file's bytes, unpacked.

    Raises:
        DataError: There are none.
    """
    try:
        return gzip.GzipFile(file.path) if file.is_gzipped else file.path.open("rb")
    except OSError as error:
        raise DataError(f"{file.name}: cannot be read ({error.strerror})") from error


def columns_to_read(existing: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Those of the existing columns that hold `columns`; all, for the message, if one is missing.

    `translation.de` may be a key of the objects in a column `translation`.
    """
    needed = {column if column in existing else column.partition(".")[0] for column in columns}
    return sorted(needed) if needed <= set(existing) else list(existing)


def kind(value: object) -> str:
    """What a JSON value is, for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return f"a boolean ({str(value).lower()})"
        case int() | float():
            return f"a number ({value})"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
    return f"a {type(value).__name__}"


def shown(names: Sequence[str]) -> str:
    """Names for a message: the first few."""
    few = [name if len(name) <= 40 else name[:39] + "…" for name in names[:12]]
    return ", ".join(few) + (", …" if len(names) > 12 else "")


def one_line(error: BaseException) -> str:
    """An error's text without its line breaks, cut where it becomes a page."""
    return textwrap.shorten(str(error), 400, placeholder=" …") or type(error).__name__
