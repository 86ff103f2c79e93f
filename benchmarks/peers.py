"""The systems that the project is measured beside: which are there, and a request to one of them.

What is measured of a system is measured by its driver (`benchmarks/drivers`), a process in an
interpreter of its own that reads a request and prints an answer. `make peers` builds these
interpreters; without them a benchmark measures the project alone, and says so.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.install_peers import PEERS, ROOT, installed, python_of
from pipeline.data.prepare import PreparedCorpus
from pipeline.tokenizer import TURN_ID

NAMES = {"opennmt": "OpenNMT-py", "joeynmt": "JoeyNMT", "ctranslate2": "CTranslate2"}
MODELS = Path("runs") / "peers"
"""Where `training_speed` leaves the models of the peers, and the corpus that they read."""


class DriverError(Exception):
    """A system did not do what it was asked; says why."""


def available(names: Iterable[str]) -> list[str]:
    """Those of these peers that are installed."""
    return [name for name in names if installed(name)]


def missing_note(names: Iterable[str]) -> list[str]:
    """What there is to say of those that are not installed: a line, or none."""
    missing = [NAMES[name] for name in names if not installed(name)]
    if not missing:
        return []
    return [f"not measured, since not installed: {', '.join(missing)}; `make peers` adds them"]


def version(name: str) -> str:
    """The peer and its version, as `make peers` installs it."""
    return f"{NAMES[name]} {PEERS[name].requirement.partition('==')[2]}"


def drive(name: str, request: Mapping[str, Any], *, threads: int) -> dict[str, Any]:
    """Have a system do a task, and give what its driver answers.

    Args:
        name: A peer, or what the project itself does: `project`, `exported`, `preparing`.
        request: The task, and what it needs.
        threads: For OpenMP, unless the request makes them otherwise.

    Raises:
        DriverError: It failed; the message is the last line that it wrote.
    """
    interpreter = str(python_of(name)) if name in PEERS else sys.executable
    run = subprocess.run(
        [interpreter, "-m", f"benchmarks.drivers.{name}"],
        input=json.dumps({"threads": threads, **request}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(threads),
    )
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
        raise DriverError(f"{NAMES.get(name, name)} failed: {lines[-1]}")
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def environment(threads: int) -> dict[str, str]:
    """Of every process that is measured: so many threads, and this project's modules.

    The threads of all systems wait as the project's own do (`pipeline/cli/main.py`): with OpenMP's
    default a system on all cores is slowed down many times by whatever else wants one of them.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    own = {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": path}
    return {"GOMP_SPINCOUNT": "10000", **os.environ, **own}


def write_corpus(corpus: PreparedCorpus, folder: Path) -> None:
    """Write the encoded pairs for the peers: a sentence a line, of ids instead of pieces.

    So all systems see the same tokens: no piece can be mistaken for another or be cut at a space
    within. The vocabulary has a line for each id but the four special ones, which the peers add.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split, pairs in (("train", corpus.train), ("validation", corpus.validation)):
        for side in ("source", "target"):
            _write_ids(folder / f"{split}.{side}", pairs[f"{side}_ids"])
    vocabulary = range(TURN_ID, len(corpus.source_tokenizer))
    _write_ids(folder / "vocabulary.txt", ([token_id] for token_id in vocabulary))
    corpus.source_tokenizer.save(folder / "tokenizer.model")


def _write_ids(path: Path, rows: Iterable[Sequence[int]]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(" ".join(map(str, ids)) + "\n" for ids in rows)
