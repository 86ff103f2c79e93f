"""A cell of a corpus: found by its column, and checked to hold what it should."""

import contextlib
import difflib
import json
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from pipeline.data.files import kind, shown
from pipeline.errors import DataError
from pipeline.text import replace_surrogates

Holds = Literal["text", "text or nothing", "turns", "label", "number", "anything"]
_MISSING = object()
_LARGEST_NUMBER = float(np.finfo(np.float32).max)  # what a network can read


def cell(
    where: str, row: Mapping[str, object], column: str, holds: Holds
) -> str | list[str] | float:
    """The value of a row in a column; `where` names the file and the row in an error.

    Raises:
        DataError: There is no such column, or it does not hold what it should.
    """
    value = _found(row, column)
    if holds == "text or nothing" and (value is _MISSING or value is None):
        return ""
    if value is _MISSING:
        raise _no_column(where, row, column)
    if holds == "anything":
        return value if isinstance(value, str) else json.dumps(value, default=str)
    if holds == "turns":
        if not isinstance(value, list):
            raise DataError(
                f"{where}: column '{column}': expected a list of turns, got {kind(value)}"
            )
        return [
            _text(f"{where}: column '{column}', turn {n}", turn) for n, turn in enumerate(value, 1)
        ]
    if holds == "number":
        return _number(f"{where}: column '{column}'", value)
    if holds == "label" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # 0, 1, 2 in a JSON file is what "0", "1", "2" is in a csv file
    return _text(f"{where}: column '{column}'", value)


def _found(row: Mapping[str, object], column: str) -> object:
    """The cell, or that it is missing.

    `translation.de` is also the key `de` of an object in the column `translation`.
    """
    if column in row:
        return row[column]
    name, _, key = column.partition(".")
    inner = row.get(name)
    return inner.get(key, _MISSING) if key and isinstance(inner, dict) else _MISSING


def _no_column(where: str, row: Mapping[str, object], column: str) -> DataError:
    names = [str(name) for name in row]
    nearest = difflib.get_close_matches(column, names, n=1)
    hint = f", nearest is '{nearest[0]}'" if nearest else ""
    existing = f"there are {shown(names)}{hint}" if names else "the row is empty"
    return DataError(f"{where}: no column '{column}'; {existing}")


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise DataError(f"{where}: expected text, got {kind(value)}")
    return replace_surrogates(value)


def _number(where: str, value: object) -> float:
    number = math.nan
    is_spelt_as_code = isinstance(value, str) and "_" in value  # 1_000 is a number in Python only
    if isinstance(value, str | int | float) and not (isinstance(value, bool) or is_spelt_as_code):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not abs(number) <= _LARGEST_NUMBER:
        found = repr(value) if isinstance(value, str | float) else kind(value)
        raise DataError(f"{where}: expected a number, got {found}")
    return number
