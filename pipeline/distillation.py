"""Sequence-level knowledge distillation: a corpus that teachers have written.

A model trained on it learns what the teacher says of each source rather than one reference among
many, and comes closer to the teacher than its size would let it (Kim & Rush 2016, section 3.2).
Of what a teacher could say it may also learn what comes closest to the reference (section 3.3).
Teachers of the other direction write sources for the references (Sennrich et al. 2016); with all
that several of both write, beside the references, a model can become better than each of them
(data diversification, Nguyen et al. 2020).
"""

import itertools
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.data.filters import clean_pairs
from pipeline.data.pairs import text_pairs
from pipeline.errors import ConfigError, DataError
from pipeline.languages import Direction
from pipeline.metrics import sentence_bleu

_log = logging.getLogger(__name__)
_LINES_AT_A_TIME = 1_000
_DESCRIPTION = "distillation.json"

Propose = Callable[[Sequence[str]], Sequence[Sequence[str]]]
"""Translations of each sentence, the best first."""


@dataclass(frozen=True)
class Teacher:
    """Who writes the other side of each sentence of the training split.

    Attributes:
        propose: What it could write.
        backwards: Whether it reads the targets and writes sources.
    """

    propose: Propose
    backwards: bool = False


def write_distilled(
    folder: Path,
    config: DataConfig,
    teachers: Sequence[Teacher],
    *,
    description: Mapping[str, object],
    closest: bool = False,
    with_references: bool = False,
    direction: Direction | None = None,
) -> int:
    """Write the training split anew into `folder`, beside the other splits as they are.

    The folder is a corpus like any other: `train.jsonl`, `validation.jsonl`, `test.jsonl`, in the
    columns of the direction. What is interrupted goes on where it was when called again.

    Args:
        folder: Where to; made if it is not there.
        config: Of the corpus.
        teachers: Each writes a pair for each sentence that it reads.
        description: What determines the pairs; kept in the folder, so that it does not go on
            with those of other teachers.
        closest: Whether a teacher writes, of what it proposes, what has most in common with a
            reference by sentence BLEU, and not what it thinks best.
        with_references: Whether the pairs as they are stand beside those of the teachers.
        direction: Of a corpus of several languages: which of its directions is written.

    Returns:
        The number of training pairs.

    Raises:
        ConfigError: The folder holds the work of other teachers.
        DataError: The corpus cannot be read, or the folder holds something else.
    """
    direction = direction or config.direction
    splits = {
        name: text_pairs(rows, config, direction=direction)
        for name, rows in load_corpus(config).items()
    }
    pairs, _ = clean_pairs(splits["train"], config)
    _claim(folder, description)
    train = folder / "train.jsonl"
    if not train.exists():
        written = [folder / f"teacher_{i}.jsonl" for i in range(1, len(teachers) + 1)]
        for teacher, path in zip(teachers, written, strict=True):
            _log.info("teacher %d of %d", written.index(path) + 1, len(written))
            sides = pairs["source"], pairs["target"]
            read, asked = reversed(sides) if teacher.backwards else sides
            references: dict[str, list[str]] = {}
            for sentence, reference in zip(read, asked, strict=True):
                references.setdefault(sentence, []).append(reference)
            _translate(references, teacher, path, direction, closest=closest)
        for split in [name for name in splits if name != "train" and len(splits[name])]:
            rows = zip(splits[split]["source"], splits[split]["target"], strict=True)
            _write(folder / f"{split}.jsonl", _lines(rows, direction))
        as_it_was = zip(pairs["source"], pairs["target"], strict=True) if with_references else ()
        lines = [path.read_text(encoding="utf-8").splitlines(keepends=True) for path in written]
        _write(train, itertools.chain(*lines, _lines(as_it_was, direction)))
        for path in written:
            path.unlink()
    with train.open(encoding="utf-8") as stream:
        return sum(1 for _ in stream)


def _claim(folder: Path, description: Mapping[str, object]) -> None:
    """Make the folder the place of these targets, or refuse to mix them with others."""
    path = folder / _DESCRIPTION
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if different := [key for key in description if found.get(key) != description[key]]:
            raise ConfigError(
                f"{folder} holds another distillation: its {different[0]} is "
                f"{found.get(different[0])}, not {description[different[0]]}"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"{folder}: expected an empty or a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, [json.dumps(description, indent=2, ensure_ascii=False)])


def _translate(
    references: Mapping[str, Sequence[str]],
    teacher: Teacher,
    path: Path,
    direction: Direction,
    *,
    closest: bool,
) -> None:
    """Add to the file what it lacks of the pairs, in the order of the sentences."""
    sentences = list(references)
    path.touch()
    whole = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if whole and not whole[-1].endswith("\n"):  # it was interrupted in the middle of a line
        whole.pop()
        _write(path, whole)
    started, first = time.monotonic(), len(whole)
    with path.open("a", encoding="utf-8") as stream:
        for start in range(first, len(sentences), _LINES_AT_A_TIME):
            lines = sentences[start : start + _LINES_AT_A_TIME]
            chosen = [
                max(texts, key=partial(_likeness, references[line])) if closest else texts[0]
                for line, texts in zip(lines, teacher.propose(lines), strict=True)
            ]
            sides = (lines, chosen)
            rows = zip(*(reversed(sides) if teacher.backwards else sides), strict=True)
            stream.writelines(_lines(rows, direction))
            stream.flush()
            num_done = start + len(lines)
            rate = (num_done - first) / (time.monotonic() - started)
            _log.info(
                "%s of %s sentences | %.0f/s | %.0f min left",
                f"{num_done:,}",
                f"{len(sentences):,}",
                rate,
                (len(sentences) - num_done) / rate / 60,
            )


def _likeness(references: Sequence[str], text: str) -> float:
    return max(sentence_bleu([text] * len(references), references))


def _lines(pairs: Iterable[tuple[str, str]], direction: Direction) -> Iterator[str]:
    for pair in pairs:
        yield json.dumps(dict(zip(direction, pair, strict=True)), ensure_ascii=False) + "\n"


def _write(path: Path, lines: Iterable[str]) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.writelines(lines)
    partial.replace(path)
