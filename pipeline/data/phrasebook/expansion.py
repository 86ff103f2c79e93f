"""Rows of the corpus: the combinations that a frame allows, without repetition, and splits."""

import hashlib
import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from pipeline.data.phrasebook.fillers import load_fillers
from pipeline.data.phrasebook.frames import Frame, Part, load_frames
from pipeline.data.phrasebook.slots import class_of
from pipeline.data.phrasebook.words import LANGUAGES

FRAME_CAP = 165
HELD_OUT_CAP = 3
HELD_OUT_SHARE = 12

_SENTENCE_START = re.compile(r"(?:^|[.!?] )[a-zäöü]")


class Row(NamedTuple):
    """A row of the corpus and the (class, number of the filler) pairs that it uses."""

    text: dict[str, str]
    uses: tuple[tuple[str, int], ...]


def expand_phrasebook(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The phrasebook in `folder` as {"train": rows, "validation": rows, "test": rows}.

    A row is {"en", "ko", "de", "situation", "frame"}. The result depends on nothing but the
    files in folder/frames and folder/fillers. Every language's texts are unique over all rows;
    a held-out row's frame, and each of its fillers in that class, occur in training.

    Raises:
        DataError: What was expected, with the file and the frame or filler of the mistake.
    """
    return {name: [row.text for row in rows] for name, rows in expand_rows(folder).items()}


def expand_rows(folder: Path) -> dict[str, list[Row]]:
    """What `expand_phrasebook` returns, each row with the fillers that it uses.

    Raises:
        DataError: What was expected, with the file and the frame or filler of the mistake.
    """
    classes = load_fillers(folder / "fillers")
    frames = load_frames(folder / "frames", classes)
    sizes = {name: len(fillers) for name, fillers in classes.items()}
    seen: set[str] = set()
    return _split([_frame_rows(frame, sizes, seen) for frame in frames])


def _frame_rows(frame: Frame, sizes: dict[str, int], seen: set[str]) -> list[Row]:
    """At most FRAME_CAP rows whose texts are not in `seen`, to which they are added."""
    classes = [class_of(name) for name in frame.slots]
    radix = [sizes[name] for name in classes]
    total = math.prod(radix)
    generator = random.Random(hashlib.sha256(frame.id.encode()).digest())
    situation = frame.id.split("/")[0]
    rows: list[Row] = []
    for number in generator.sample(range(total), min(total, 2 * FRAME_CAP)):
        choice = _digits(number, radix)
        uses = tuple(zip(classes, choice, strict=True))
        text = {lang: _render(frame.parts[lang], choice, lang) for lang in LANGUAGES}
        if len(set(uses)) < len(uses) or not seen.isdisjoint(text.values()):
            continue
        seen.update(text.values())
        rows.append(Row(text | {"situation": situation, "frame": frame.id}, uses))
        if len(rows) == FRAME_CAP:
            break
    return rows


def _digits(number: int, radix: list[int]) -> tuple[int, ...]:
    digits = []
    for base in radix:
        number, digit = divmod(number, base)
        digits.append(digit)
    return tuple(digits)


def _render(parts: list[Part], choice: tuple[int, ...], language: str) -> str:
    text = "".join(part.texts[tuple(choice[i] for i in part.slots)] for part in parts)
    if language == "ko":
        return text
    return _SENTENCE_START.sub(lambda match: match[0][:-1] + match[0][-1].upper(), text)


def _split(groups: list[list[Row]]) -> dict[str, list[Row]]:
    """Hold out rows of each frame's group while all that they use is still in training."""
    left = Counter(use for group in groups for row in group for use in row.uses)
    splits: dict[str, list[Row]] = {"train": [], "validation": [], "test": []}
    for group in groups:
        quota = min(HELD_OUT_CAP, max(1, len(group) // HELD_OUT_SHARE))
        wanted = ["validation", "test"] * quota if len(group) > 2 else []
        for row in group:
            held_out = wanted and all(left[use] > 1 for use in row.uses)
            splits[wanted.pop() if held_out else "train"].append(row)
            if held_out:
                left.subtract(row.uses)
    return splits
