"""`data.path` → raw rows by split: checks the columns, makes missing splits."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import datasets
import pyarrow as pa

from pipeline.data.cache import fingerprint, written_once
from pipeline.data.cells import Holds, cell
from pipeline.data.config import DataConfig
from pipeline.data.files import Row, is_url, shown
from pipeline.data.mixture import as_conversations, mixed, parts_of
from pipeline.data.origins import SPLITS, Origin, aligned_origin, find_origins
from pipeline.data.splits import connected, hold_out, hold_out_last
from pipeline.errors import DataError
from pipeline.text import normalize, normalize_all

_ROWS_AT_A_TIME = 1_000


def load_corpus(config: DataConfig) -> dict[str, datasets.Dataset]:
    """Raw rows of `train`, `validation` and, unless only validation was given, `test`.

    Splits that the corpus has are left as they are. A corpus with one split gets validation and
    test made from it; one without validation gets that made from train.

    Of several corpora of conversations (`data.path` a list) see `load_corpora`.

    Returns:
        Datasets with the columns that the config names, checked to hold text.

    Raises:
        DataError: The corpus cannot be found, read or split; names the file, and row or column.
    """
    if config.is_mixture:
        corpora = load_corpora(config)
        return {name: mixed([corpus[name] for corpus in corpora]) for name in corpora[0]}
    origins = _origins(config)
    if "train" not in origins:
        raise _no_split(config, "train", origins)
    splits = _made_splits(config, origins)
    for name in origins:
        if name in SPLITS and name not in splits:
            splits[name] = _load(config, origins, name)
    return {name: splits[name] for name in SPLITS if name in splits}


def load_corpora(config: DataConfig) -> list[dict[str, datasets.Dataset]]:
    """The corpora that `data.path` lists, each split by itself; otherwise the only one.

    Those splits are there that all have; conversations are in the column `config.dialogue`.
    """
    if not config.is_mixture:
        return [load_corpus(config)]
    parts = parts_of(config)
    corpora = [load_corpus(part) for part in parts]
    common = [name for name in SPLITS if all(name in corpus for corpus in corpora)]
    return [
        {name: as_conversations(config, part, corpus[name]) for name in common}
        for part, corpus in zip(parts, corpora, strict=True)
    ]


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
    if config.is_mixture:
        return mixed(
            [
                as_conversations(config, part, load_split(part, split, whole_file=whole_file))
                for part in parts_of(config)
            ]
        )
    origins = _origins(config)
    if whole_file and is_single_file(config.path):
        return _load(config, origins, "train")
    if split in origins and (split != "train" or "validation" in origins):
        return _load(config, origins, split)
    made = _made_splits(config, origins) if "train" in origins else {}
    if split in made:
        return made[split]
    raise _no_split(config, split, [*origins, *(name for name in made if name not in origins)])


def makes_splits(config: DataConfig) -> bool:
    """Whether the corpus has no validation split of its own, so that one is made."""
    return "validation" not in _origins(config)


def is_single_file(path: str | list[str]) -> bool:
    """Whether it is one file or URL, or a pair of aligned ones; not a folder or a hub name."""
    return isinstance(path, list) or is_url(path) or Path(path).expanduser().is_file()


def _origins(config: DataConfig) -> dict[str, Origin]:
    if isinstance(config.path, list):
        return {"train": aligned_origin(config.path, config.columns)}
    return find_origins(config.path)


def _load(
    config: DataConfig, origins: Mapping[str, Origin], split: str, *, shared: str | None = None
) -> datasets.Dataset:
    """The rows of one split, with the text columns, and the column `shared` if given."""
    columns = _text_columns(config)
    if shared is not None:
        columns.setdefault(shared, "anything")
    types = {"turns": pa.list_(pa.string()), "number": pa.float64()}
    schema = pa.schema({name: types.get(holds, pa.string()) for name, holds in columns.items()})
    origin = origins[split]
    is_text = all(holds == "text" for holds in columns.values())
    read = origin.text if is_text and origin.text is not None else origin.rows
    batches = _checked(read(list(columns)), columns, schema)
    rows = written_once(fingerprint(origin.fingerprint, columns), schema, batches)
    if len(rows) == 0:
        raise DataError(f"data.path: {_path_name(config)}: no rows in split '{split}'")
    return rows


def _text_columns(config: DataConfig) -> dict[str, Holds]:
    if config.dialogue is not None:
        return {config.dialogue: "turns"}
    if config.is_multilingual:
        return dict.fromkeys(config.columns, "text or nothing")
    source, target = config.direction
    match config.task:
        case "language_model":
            return {target: "text"}
        case "classification":
            return {source: "text", target: "label"}
        case "forecast":
            return {target: "number"}
    return {source: "text", target: "text"}


def _checked(
    rows: Iterable[pa.RecordBatch | Row], columns: Mapping[str, Holds], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for is_checked, some in itertools.groupby(rows, lambda row: isinstance(row, pa.RecordBatch)):
        if is_checked:
            yield from some
            continue
        while chunk := list(itertools.islice(some, _ROWS_AT_A_TIME)):
            cells = [
                [cell(where, row, column, holds) for where, row in chunk]
                for column, holds in columns.items()
            ]
            yield pa.record_batch(cells, schema=schema)


def _made_splits(config: DataConfig, origins: Mapping[str, Origin]) -> dict[str, datasets.Dataset]:
    """`train` and what is held out of it, when the corpus has no validation."""
    if "validation" in origins:
        return {}
    names = ["validation"] if "test" in origins else ["validation", "test"]
    if config.task == "forecast":
        rows = _load(config, origins, "train")
        return hold_out_last(rows, names, held_out_rows=config.held_out_rows)
    column = config.split_by
    if column is None and config.dialogue is None and not config.is_multilingual:
        by_target = config.is_chat or config.task == "language_model"
        column = config.direction.target if by_target else config.direction.source
    rows = _load(config, origins, "train", shared=column)
    parts = hold_out(rows, _shared(config, rows, column), names, held_out_rows=config.held_out_rows)
    kept = list(_text_columns(config))
    return {name: part.select_columns(kept) for name, part in parts.items()}


def _shared(config: DataConfig, rows: datasets.Dataset, column: str | None) -> Iterator[str]:
    if column is None and config.is_multilingual:
        yield from connected(_sentences(rows, config.columns), num_rows=len(rows))
        return
    for table in rows.with_format("arrow").iter(batch_size=_ROWS_AT_A_TIME):
        if column is None:
            dialogues = table[config.dialogue].to_pylist()
            yield from (" \n ".join(map(normalize, turns)) for turns in dialogues)
        else:
            yield from normalize_all(table[column].to_pylist())


def _sentences(rows: datasets.Dataset, languages: Sequence[str]) -> Iterator[tuple[int, str]]:
    """What rows may share: a sentence of one of the languages, with the number of its row."""
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        batch = rows[start : start + _ROWS_AT_A_TIME]
        for language in languages:
            for row, text in enumerate(map(normalize, batch[language]), start):
                if text:
                    yield row, f"{language}\n{text}"


def _no_split(config: DataConfig, split: str, existing: Iterable[str]) -> DataError:
    return DataError(
        f"data.path: {_path_name(config)} has no split '{split}'; it has {shown(list(existing))}"
    )


def _path_name(config: DataConfig) -> str:
    return config.path if isinstance(config.path, str) else " and ".join(config.path)
