"""The frame files: sentences with slots, each checked against every filler it can take."""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.data.phrasebook.fillers import Filler
from pipeline.data.phrasebook.slots import Slot, class_of, fill, parse
from pipeline.data.phrasebook.words import LANGUAGES
from pipeline.data.phrasebook.yaml_files import read_folder
from pipeline.errors import DataError


class Part(NamedTuple):
    """A stretch of a sentence: its text for each choice of fillers of its slots."""

    slots: tuple[int, ...]
    texts: dict[tuple[int, ...], str]


class Frame(NamedTuple):
    """A frame ready to expand: the names of its slots, and its parts by language."""

    id: str
    slots: tuple[str, ...]
    parts: dict[str, list[Part]]


def load_frames(folder: Path, classes: dict[str, list[Filler]]) -> list[Frame]:
    """The frames of the .yaml files in `folder`, with the fillers of `classes`.

    Raises:
        DataError: What was expected, with the file and the frame of the mistake.
    """
    frames: dict[str, Frame] = {}
    for path, content in read_folder(folder):
        if not isinstance(content, list):
            raise DataError(f"{path}: expected a list of frames")
        for number, body in enumerate(content, 1):
            if not isinstance(body, dict) or not all(isinstance(v, str) for v in body.values()):
                raise DataError(f"{path}: frame {number}: expected the text keys id, en, ko, de")
            frame_id = f"{path.stem}/{body.get('id', number)}"
            try:
                if frame_id in frames:
                    raise ValueError("an id that no other frame of the file has")
                frames[frame_id] = _read_frame(frame_id, body, classes)
            except ValueError as error:
                raise DataError(f"{path}: frame {frame_id}: expected {error}") from None
    return list(frames.values())


def _read_frame(frame_id: str, body: dict[Any, str], classes: dict[str, list[Filler]]) -> Frame:
    if wrong := body.keys() ^ {"id", *LANGUAGES}:
        raise ValueError(
            f"exactly the keys id, en, ko, de (see {', '.join(sorted(map(str, wrong)))})"
        )
    sentences = {language: parse(body[language]) for language in LANGUAGES}
    slots = _names(sentences["en"])
    for language, pieces in sentences.items():
        names = _names(pieces)
        if missing := [name for name in names if class_of(name) not in classes]:
            raise ValueError(f"a known slot class, not '{missing[0]}'")
        if not slots or set(names) != set(slots):
            raise ValueError(f"the same slots in {language} as in en: {', '.join(slots)}")
        if any(set(piece) & set("{}") for piece in pieces if isinstance(piece, str)):
            raise ValueError(f"well-formed slots in {language}")
    parts = {
        language: [_part(piece, language, slots, classes) for piece in pieces]
        for language, pieces in sentences.items()
    }
    return Frame(frame_id, slots, parts)


def _names(pieces: list[str | Slot]) -> tuple[str, ...]:
    found = [name for piece in pieces if isinstance(piece, Slot) for name in piece.names]
    return tuple(dict.fromkeys(found))


def _part(
    piece: str | Slot, language: str, slots: tuple[str, ...], classes: dict[str, list[Filler]]
) -> Part:
    if isinstance(piece, str):
        return Part((), {(): piece})
    pools = [enumerate(classes[class_of(name)]) for name in piece.names]
    texts = {}
    for choice in itertools.product(*pools):
        numbers, fillers = zip(*choice, strict=True)
        texts[numbers] = fill(piece, language, *fillers)
    return Part(tuple(slots.index(name) for name in piece.names), texts)
