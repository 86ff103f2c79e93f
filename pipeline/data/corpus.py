"""`data.path` → raw rows by split: finds the files, checks the columns, makes missing splits."""

import functools
import importlib.metadata
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets
import pyarrow as pa

from pipeline.data import phrasebook
from pipeline.data.cache import fingerprint, fingerprint_of, quiet, written_once
from pipeline.data.cells import Holds, cell
from pipeline.data.chitchat import chitchat_dialogues, chitchat_file
from pipeline.data.config import DataConfig
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
from pipeline.data.splits import hold_out, hold_out_last
from pipeline.errors import DataError
from pipeline.text import normalize

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
class _Origin:
    """Where the rows of one split come from; nothing is read before `rows` is called.

    Attributes:
        fingerprint: Changes when the rows may have changed.
        rows: Reads them, with at least the columns that are given, as far as there are any.
    """

    fingerprint: str
    rows: Callable[[Sequence[str]], Iterable[Row]]


def load_corpus(config: DataConfig) -> dict[str, datasets.Dataset]:
    """Raw rows of `train`, `validation` and, unless only validation was given, `test`.

    Splits that the corpus has are left as they are. A corpus with one split gets validation and
    test made from it; one without validation gets that made from train.

    Returns:
        Datasets with the columns that the config names, checked to hold text.

    Raises:
        DataError: The corpus cannot be found, read or split; names the file, and row or column.
    """
    origins = _origins(config)
    if "train" not in origins:
        raise _no_split(config, "train", origins)
    splits = _made_splits(config, origins)
    for name in origins:
        if name in SPLITS and name not in splits:
            splits[name] = _load(config, origins, name)
    return {name: splits[name] for name in SPLITS if name in splits}


def load_split(config: DataConfig, split: str, *, whole_file: bool = False) -> datasets.Dataset:
    """Raw rows of one split; of the corpus's other splits nothing is read unless it has to be.

    Args:
        config: Says where the corpus is.
        split: `train`, `validation`, `test`, or another name that the corpus uses.
        whole_file: Where `config.path` is a single file (or two aligned ones), give all its rows,
            whatever `split` says.

    Raises:
        DataError: As `load_corpus`, or there is no such split.
    """
    origins = _origins(config)
    if whole_file and is_single_file(config.path):
        return _load(config, origins, "train")
    if split in origins and (split != "train" or "validation" in origins):
        return _load(config, origins, split)
    made = _made_splits(config, origins) if "train" in origins else {}
    if split in made:
        return made[split]
    raise _no_split(config, split, [*origins, *(name for name in made if name not in origins)])


def load_rows(config: DataConfig) -> dict[str, datasets.Dataset]:
    """Raw rows of the splits that the corpus itself has, before any are made."""
    origins = _origins(config)
    return {name: _load(config, origins, name) for name in origins}


def is_single_file(path: str | list[str]) -> bool:
    """Whether it is one file or URL, or a pair of aligned ones; not a folder or a hub name."""
    return isinstance(path, list) or is_url(path) or Path(path).expanduser().is_file()


def _origins(config: DataConfig) -> dict[str, _Origin]:
    """The splits that the corpus has, by the usual names; a single nameless one is `train`."""
    path = config.path
    if isinstance(path, list):
        return {"train": _aligned(path, [config.source, config.target])}
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


def _files(files: Sequence[DataFile]) -> _Origin:
    return _Origin(
        fingerprint(*map(_state, files)),
        lambda columns: itertools.chain.from_iterable(read_rows(file, columns) for file in files),
    )


def _aligned(paths: Sequence[str], columns: Sequence[str]) -> _Origin:
    files = [_data_file(path) for path in paths]
    return _Origin(fingerprint(*map(_state, files)), lambda _: read_aligned(files, columns))


def _state(file: DataFile) -> list[object]:
    stat = file.path.stat()
    # ctime as well: a copy or a checkout may bring an old mtime with it.
    return [file.name, str(file.path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _chitchat() -> _Origin:
    def rows(_: Sequence[str]) -> Iterator[Row]:
        for number, turns in enumerate(chitchat_dialogues(), start=1):
            yield f"{CHITCHAT}, conversation {number}", {"dialogue": turns}

    size = chitchat_file().stat().st_size
    return _Origin(fingerprint(CHITCHAT, importlib.metadata.version(CHITCHAT), size), rows)


def _phrasebook(folder: Path) -> dict[str, _Origin]:
    # Expanding takes longer than everything else, so what was written once is not expanded again.
    expand = functools.cache(phrasebook.expand_phrasebook)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [_state(DataFile(str(path), path)) for path in paths]

    def rows(split: str, _: Sequence[str]) -> Iterator[Row]:
        for number, row in enumerate(expand(folder)[split], start=1):
            yield f"{folder}, {split}, row {number}", row

    return {
        split: _Origin(fingerprint(state, split), functools.partial(rows, split))
        for split in SPLITS
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


def _hub(path: str) -> dict[str, _Origin]:
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


def _hub_split(name: str, dataset: datasets.Dataset) -> _Origin:
    def rows(columns: Sequence[str]) -> Iterator[Row]:
        number = 0
        needed = dataset.select_columns(columns_to_read(dataset.column_names, columns))
        for table in needed.with_format("arrow").iter(batch_size=_ROWS_AT_A_TIME):
            for row in table.to_pylist():
                number += 1
                yield f"{name}, row {number}", row

    return _Origin(fingerprint_of(dataset), rows)


def _load(
    config: DataConfig, origins: Mapping[str, _Origin], split: str, *, shared: str | None = None
) -> datasets.Dataset:
    """The rows of one split, with the text columns, and the column `shared` if given."""
    columns = _text_columns(config)
    if shared is not None:
        columns.setdefault(shared, "anything")
    types = {"turns": pa.list_(pa.string()), "number": pa.float64()}
    schema = pa.schema({name: types.get(holds, pa.string()) for name, holds in columns.items()})
    origin = origins[split]
    batches = _checked(origin.rows(list(columns)), columns, schema)
    rows = written_once(fingerprint(origin.fingerprint, columns), schema, batches)
    if len(rows) == 0:
        raise DataError(f"data.path: {_path_name(config)}: no rows in split '{split}'")
    return rows


def _text_columns(config: DataConfig) -> dict[str, Holds]:
    if config.dialogue is not None:
        return {config.dialogue: "turns"}
    match config.task:
        case "language_model":
            return {config.target: "text"}
        case "classification":
            return {config.source: "text", config.target: "label"}
        case "forecast":
            return {config.target: "number"}
    return {config.source: "text", config.target: "text"}


def _checked(
    rows: Iterable[Row], columns: Mapping[str, Holds], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, _ROWS_AT_A_TIME)):
        cells = [
            [cell(where, row, column, holds) for where, row in chunk]
            for column, holds in columns.items()
        ]
        yield pa.record_batch(cells, schema=schema)


def _made_splits(config: DataConfig, origins: Mapping[str, _Origin]) -> dict[str, datasets.Dataset]:
    """`train` and what is held out of it, when the corpus has no validation."""
    if "validation" in origins:
        return {}
    names = ["validation"] if "test" in origins else ["validation", "test"]
    if config.task == "forecast":
        rows = _load(config, origins, "train")
        return hold_out_last(rows, names, held_out_rows=config.held_out_rows)
    column = config.split_by
    if column is None and config.dialogue is None:
        by_target = config.is_chat or config.task == "language_model"
        column = config.target if by_target else config.source
    rows = _load(config, origins, "train", shared=column)
    parts = hold_out(rows, _shared(config, rows, column), names, held_out_rows=config.held_out_rows)
    kept = list(_text_columns(config))
    return {name: part.select_columns(kept) for name, part in parts.items()}


def _shared(config: DataConfig, rows: datasets.Dataset, column: str | None) -> Iterator[str]:
    for batch in rows.iter(batch_size=_ROWS_AT_A_TIME):
        if column is None:
            yield from (" \n ".join(map(normalize, turns)) for turns in batch[config.dialogue])
        else:
            yield from map(normalize, batch[column])


def _no_split(config: DataConfig, split: str, existing: Iterable[str]) -> DataError:
    return DataError(
        f"data.path: {_path_name(config)} has no split '{split}'; it has {shown(list(existing))}"
    )


def _path_name(config: DataConfig) -> str:
    return config.path if isinstance(config.path, str) else " and ".join(config.path)
