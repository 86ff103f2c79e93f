"""`data.path` → where rows come from, by split: files, a folder, a package, the hub."""

import functools
import importlib.metadata
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets
import pyarrow as pa

from pipeline.data import phrasebook
from pipeline.data.cache import fingerprint, fingerprint_of, quiet
from pipeline.data.chitchat import chitchat_dialogues, chitchat_file
from pipeline.data.download import download
from pipeline.data.files import (
    ENDINGS,
    DataFile,
    Row,
    columns_to_read,
    ending,
    is_url,
    one_line,
    read_aligned,
    read_rows,
    shown,
)
from pipeline.data.tables import read_text
from pipeline.errors import DataError

CHITCHAT = "chitchat-dataset"
SPLITS = ("train", "validation", "test")
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
_ROWS_AT_A_TIME = 1_000


@dataclass(frozen=True)
class Origin:
    """Where the rows of one split come from; nothing is read before `rows` is called.

    Attributes:
        fingerprint: Changes when the rows may have changed.
        rows: Reads them, with at least the columns that are given, as far as there are any.
        text: Where it is there: the same, but many rows as a batch where they hold text in all
            these columns.
    """

    fingerprint: str
    rows: Callable[[Sequence[str]], Iterable[Row]]
    text: Callable[[Sequence[str]], Iterable[pa.RecordBatch | Row]] | None = None


def find_origins(path: str) -> dict[str, Origin]:
    """The splits that the corpus has, by the usual names; a single nameless one is `train`.

    Raises:
        DataError: There is no such corpus.
    """
    if path == CHITCHAT:
        return {"train": _chitchat()}
    if is_url(path) or Path(path).expanduser().is_file():
        return {"train": _files([_data_file(path)])}
    if (folder := Path(path).expanduser()).is_dir():
        if (folder / "frames").is_dir() and (folder / "fillers").is_dir():
            return _phrasebook(folder)
        return {name: _files(files) for name, files in _files_by_split(folder).items()}
    if _looks_local(path):
        raise DataError(f"data.path: {path}: no such file or folder")
    return _hub(path)


def _looks_local(path: str) -> bool:
    return (
        path.startswith((".", "/", "~"))
        or path.endswith("/")
        or path.count("/") > 1
        or ending(path) in ENDINGS
    )


def _data_file(path: str) -> DataFile:
    if is_url(path):
        return DataFile(path, download(path))
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"data.path: {path}: no such file")
    return DataFile(path, file)


def _files(files: Sequence[DataFile]) -> Origin:
    return Origin(
        fingerprint(*map(_state, files)),
        lambda columns: itertools.chain.from_iterable(read_rows(file, columns) for file in files),
        lambda columns: itertools.chain.from_iterable(read_text(file, columns) for file in files),
    )


def aligned_origin(paths: Sequence[str], columns: Sequence[str]) -> Origin:
    """Text files whose lines belong together: a column of each."""
    files = [_data_file(path) for path in paths]
    return Origin(fingerprint(*map(_state, files)), lambda _: read_aligned(files, columns))


def _state(file: DataFile) -> list[object]:
    stat = file.path.stat()
    # ctime as well: a copy or a checkout may bring an old mtime with it.
    return [file.name, str(file.path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _chitchat() -> Origin:
    def rows(_: Sequence[str]) -> Iterator[Row]:
        for number, turns in enumerate(chitchat_dialogues(), start=1):
            yield f"{CHITCHAT}, conversation {number}", {"dialogue": turns}

    size = chitchat_file().stat().st_size
    return Origin(fingerprint(CHITCHAT, importlib.metadata.version(CHITCHAT), size), rows)


def _phrasebook(folder: Path) -> dict[str, Origin]:
    # Expanding takes longer than everything else, so what was written once is not expanded again.
    expand = functools.cache(phrasebook.expand_phrasebook)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [_state(DataFile(str(path), path)) for path in paths]

    def rows(split: str, _: Sequence[str]) -> Iterator[Row]:
        for number, row in enumerate(expand(folder)[split], start=1):
            yield f"{folder}, {split}, row {number}", row

    return {
        split: Origin(fingerprint(state, split), functools.partial(rows, split)) for split in SPLITS
    }


def _files_by_split(folder: Path) -> dict[str, list[DataFile]]:
    """Data files by the split that their name says, or the only one as `train`."""
    paths = sorted(
        path for path in folder.iterdir() if ending(path.name) in ENDINGS and path.is_file()
    )
    by_split: dict[str, list[DataFile]] = {}
    for path in paths:
        if split := _split_in_name(path.name):
            by_split.setdefault(split, []).append(DataFile(str(path), path))
    if not by_split and len(paths) == 1:
        by_split["train"] = [DataFile(str(paths[0]), paths[0])]
    if not by_split:
        raise DataError(
            f"{folder}: expected files named train, validation and test with the endings "
            f"{', '.join(ENDINGS)} (or .gz after it), or one such file of any name; "
            f"found {shown([path.name for path in paths]) or 'none'}"
        )
    for split, files in by_split.items():
        if len({(ending(file.name), file.is_gzipped) for file in files}) > 1:
            names = shown([file.path.name for file in files])
            raise DataError(f"{folder}: expected one format for split '{split}', found {names}")
    return dict(sorted(by_split.items(), key=lambda item: SPLITS.index(item[0])))


def _split_in_name(name: str) -> str | None:
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), None)


def _hub(path: str) -> dict[str, Origin]:
    name, _, subset = path.partition(":")
    try:
        with quiet(progress=True):
            loaded = datasets.load_dataset(name, subset or None)
    except Exception as error:  # whatever httpx, fsspec, pyarrow and the hub's client raise
        raise DataError(
            f"data.path: '{path}' is not a file or folder here, and as a name on the Hugging Face "
            f"hub it cannot be loaded ({one_line(error)})"
        ) from error
    if len(loaded) == 1 and not any(split in _SPLIT_WORDS for split in loaded):
        loaded = {"train": next(iter(loaded.values()))}
    return {
        _SPLIT_WORDS.get(split, split): _hub_split(f"{path}, {split}", rows)
        for split, rows in loaded.items()
    }


def _hub_split(name: str, dataset: datasets.Dataset) -> Origin:
    def rows(columns: Sequence[str]) -> Iterator[Row]:
        number = 0
        needed = dataset.select_columns(columns_to_read(dataset.column_names, columns))
        for table in needed.with_format("arrow").iter(batch_size=_ROWS_AT_A_TIME):
            for row in table.to_pylist():
                number += 1
                yield f"{name}, row {number}", row

    return Origin(fingerprint_of(dataset), rows)
