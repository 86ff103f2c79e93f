"""What is made once and kept: Arrow files in the cache of `datasets`, found by a fingerprint.

Arrow files are memory-mapped, so that a corpus of any size takes little memory.
"""

import contextlib
import functools
import hashlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_ROWS_AT_A_TIME = 10_000
_PARALLEL_FROM_ROWS = 20_000
_MAX_PROCESSES = 8

Batch = Mapping[str, Sequence[Any]]
"""Columns of some rows: what a function under `Dataset.map(batched=True)` takes and gives."""


def fingerprint(*parts: object) -> str:
    """A digest of whatever JSON can write, and of the code that makes rows and ids.

    The same parts give the same digest until that code changes: nothing that other code made is
    found again.
    """
    text = json.dumps([_code(), *parts], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@functools.cache
def _code() -> str:
    folder = Path(__file__).parent
    names = "context", "known_words", "languages", "ragged", "text", "tokenizer"
    modules = [folder.parent / f"{name}.py" for name in names]
    digest = hashlib.sha256()
    for path in [*modules, *sorted(folder.rglob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint_of(dataset: datasets.Dataset) -> str:
    """The fingerprint that `datasets` keeps with each dataset."""
    return str(dataset._fingerprint)  # there is no public way to it


@contextlib.contextmanager
def quiet(*, progress: bool = False) -> Iterator[None]:
    """Keep `datasets` from printing, but for a bar of progress where a terminal is looking."""
    bars_were_off = datasets.are_progress_bars_disabled()
    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    if not (progress and sys.stderr.isatty()):
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not bars_were_off:
            datasets.enable_progress_bars()


def written_once(
    key: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> datasets.Dataset:
    """The rows kept under `key`; `batches` are read and written only when there are none yet."""
    path = cache_folder(key) / "rows.arrow"
    if not path.exists():
        with replacing(path) as unfinished, pa.ipc.new_stream(str(unfinished), schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
    table = datasets.table.MemoryMappedTable.from_file(str(path))
    return datasets.Dataset(table, fingerprint=key)


def selected(
    rows: datasets.Dataset, indices: NDArray[np.int64], description: str
) -> datasets.Dataset:
    """The rows at `indices`, which ascend, copied to a file of their own.

    `Dataset.select` keeps indices instead, and collects row by row whatever is read later: of most
    rows of a large corpus that takes several times as long as to copy them.
    """
    digest = hashlib.sha256(indices.tobytes()).hexdigest()
    key = fingerprint(fingerprint_of(rows), description, digest)
    is_selected = np.zeros(len(rows), dtype=bool)
    is_selected[indices] = True

    def batches() -> Iterator[pa.RecordBatch]:
        position = 0
        for table in rows.with_format("arrow").iter(batch_size=_ROWS_AT_A_TIME):
            mask = is_selected[position : position + len(table)]
            position += len(table)
            yield from table.filter(pa.array(mask)).to_batches()

    return written_once(key, rows.features.arrow_schema, batches())


def cache_folder(key: str) -> Path:
    """The folder of what belongs to `key`."""
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "seq2seq" / key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file that takes the place of `path` at the end, and is gone if there was an error."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix="unfinished-")
    os.close(descriptor)
    try:
        yield Path(name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def mapped_once(
    dataset: datasets.Dataset,
    function: Callable[[Batch], Batch],
    *,
    key: str,
    features: datasets.Features,
    description: str,
) -> datasets.Dataset:
    """`tables_once` of a function over columns in Python."""
    on_table = functools.partial(_on_table, function=function, schema=features.arrow_schema)
    return tables_once(dataset, on_table, key=key, features=features, description=description)


def tables_once(
    dataset: datasets.Dataset,
    function: Callable[[pa.Table], pa.Table],
    *,
    key: str,
    features: datasets.Features,
    description: str,
) -> datasets.Dataset:
    """`dataset.map` over tables to new columns, kept under `key`, in parallel when it is large.

    Other processes have to find `function`, so it stands in a module, or is a `partial` of one
    that does.
    """
    processes = min(os.cpu_count() or 1, _MAX_PROCESSES)
    with quiet(progress=True):
        mapped = dataset.with_format("arrow").map(
            function,
            batched=True,
            remove_columns=dataset.column_names,
            features=features,
            new_fingerprint=key,
            desc=description,
            num_proc=processes if len(dataset) > _PARALLEL_FROM_ROWS and processes > 1 else None,
        )
    return mapped.with_format(None)


def _on_table(
    table: pa.Table, *, function: Callable[[Batch], Batch], schema: pa.Schema
) -> pa.Table:
    # What `datasets` does by itself with lists takes longer than most of what is done to them.
    columns = function(table.to_pydict())
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)
