"""A jsonl file → Arrow, many lines at a time, as far as all cells that count hold text.

What is odd in any way is left to `files.read_rows`, which looks at one row after the other and can
say what is wrong with it.
"""

import codecs
import zlib
from collections.abc import Generator, Iterator, Sequence

import pyarrow as pa
import pyarrow.json

from pipeline.data.files import DataFile, Row, ending, open_file, read_rows

_BYTES_AT_A_TIME = 8 * 2**20


def read_text(file: DataFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch | Row]:
    """As `read_rows`, but many rows as a batch, as long as each has text in all the columns.

    Raises:
        DataError: As `read_rows`.
    """
    num_lines: int | None = 0
    if ending(file.name) == ".jsonl":
        num_lines = yield from _text_batches(file, columns)
    if num_lines is not None:
        yield from read_rows(file, columns, after_lines=num_lines)


def _text_batches(
    file: DataFile, columns: Sequence[str]
) -> Generator[pa.RecordBatch, None, int | None]:
    """Of the lines at the beginning; returns how many these are, or None if they are all."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    options = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    num_lines = 0
    with open_file(file) as stream:
        while True:
            try:
                lines = stream.read(_BYTES_AT_A_TIME) + stream.readline()
                if not lines and num_lines:
                    return None
                if num_lines and lines.startswith(codecs.BOM_UTF8):
                    break  # Arrow would leave it out wherever its part of the file begins
                lines.decode()
                table = pa.json.read_json(pa.BufferReader(lines), parse_options=options)
            except (ValueError, pa.ArrowException, OSError, EOFError, zlib.error):
                break
            num_new = lines.count(b"\n") + (not lines.endswith(b"\n"))
            has_text = all(column.null_count == 0 for column in table.columns)
            if table.num_rows != num_new or not has_text:
                break
            num_lines += num_new
            yield from table.to_batches()
    return num_lines
