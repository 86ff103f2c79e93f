"""The filler files: what each class of slots can be filled with, by language."""

from pathlib import Path
from typing import Any

from pipeline.data.phrasebook import english, german, korean
from pipeline.data.phrasebook.words import LANGUAGES, Entry, Word, plain
from pipeline.data.phrasebook.yaml_files import read_folder
from pipeline.errors import DataError

_KINDS = {
    "noun": (english.noun, plain, german.noun),
    "verb": (english.verb, korean.verb, german.verb),
    "adjective": (plain, korean.adjective, german.adjective),
    "state": (plain, korean.verb, plain),
    "text": (plain, plain, plain),
}

Filler = dict[str, Entry]
"""What a slot is filled with in each language."""


def load_fillers(folder: Path) -> dict[str, list[Filler]]:
    """The fillers of each class, from the .yaml files in `folder`.

    Raises:
        DataError: What was expected, with the file, the class and the row of the mistake.
    """
    classes: dict[str, list[Filler]] = {}
    for path, content in read_folder(folder):
        if not isinstance(content, dict):
            raise DataError(f"{path}: expected slot classes, each with 'kind' and 'fillers'")
        for name, body in content.items():
            where = f"{path}: class {name}"
            if name in classes:
                raise DataError(f"{where}: expected a name that no class in another file has")
            classes[name] = _read_class(where, body)
    return classes


def _read_class(where: str, body: Any) -> list[Filler]:
    if not isinstance(body, dict) or set(body) != {"kind", "fillers"}:
        raise DataError(f"{where}: expected the keys kind, fillers")
    kind, rows = str(body["kind"]), body["fillers"]
    if kind not in _KINDS:
        raise DataError(f"{where}: expected one of the kinds {', '.join(_KINDS)}, not '{kind}'")
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{where}: expected a list of fillers")
    fillers = []
    for row in rows:
        try:
            fillers.append(_read_row(kind, str(row)))
        except ValueError as error:
            raise DataError(f"{where}, '{row}': expected {error}") from None
    return fillers


def _read_row(kind: str, row: str) -> Filler:
    cells = [cell.strip() for cell in row.split(" | ")]
    if len(cells) != len(LANGUAGES) or not all(cells):
        raise ValueError("three cells, 'English | Korean | German'")
    filler = {}
    for language, inflect, cell in zip(LANGUAGES, _KINDS[kind], cells, strict=True):
        head, *named = cell.split("; ")
        filler[language] = inflect(head)
        for extra in named:
            name, equals, text = extra.partition("=")
            if not equals:
                raise ValueError(f"'name=text' in '{extra}'")
            filler[language].forms[name] = Word(text)
    return filler
