"""A corpus by its name on the hub: the real client against a server on this machine."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest

from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.errors import DataError

COMMIT = "a" * 40
FILES = {
    name: "".join(json.dumps({"translation": {"de": f"d{n}", "en": f"e{n}"}}) + "\n" for n in rows)
    for name, rows in {"train.jsonl": range(30), "test.jsonl": range(4)}.items()
}
LOAD = """
import sys
from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.errors import DataError

for path in sys.argv[1:]:
    try:
        corpus = load_corpus(
            DataConfig(path=path, source="translation.de", target="translation.en")
        )
        print({name: len(rows) for name, rows in corpus.items()}, corpus["test"][2])
    except DataError as error:
        print(error)
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as `datasets.load_dataset("owner/pairs")` asks for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        name = path.rpartition("/")[2]
        if "/owner/pairs/resolve/" in path and name in FILES:
            etag = f'"{len(FILES[name]):040}"'
            self.answer(FILES[name].encode(), headers={"ETag": etag, "X-Repo-Commit": COMMIT})
        elif path.endswith(f"/owner/pairs/tree/{COMMIT}"):
            self.answer_json(
                [
                    {"type": "file", "path": name, "size": len(text), "oid": "b" * 40}
                    for name, text in FILES.items()
                ]
            )
        elif path.startswith("/api/datasets/owner/pairs") and "/tree/" not in path:
            self.answer_json(
                {"id": "owner/pairs", "sha": COMMIT, "siblings": [{"rfilename": n} for n in FILES]}
            )
        else:
            code = "EntryNotFound" if "/owner/pairs/" in path else "RepoNotFound"
            self.answer(b'{"error": "missing"}', status=404, headers={"X-Error-Code": code})

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer_json(self, value: object) -> None:
        self.answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})

    def answer(self, body: bytes, *, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def run(paths: list[str], home: Path, **environment: str) -> tuple[list[str], str]:
    # In a process of its own, since the hub's client reads its settings when it is imported.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths],
        env={**kept, "HF_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines(), done.stderr


def test_a_name_on_the_hub_is_a_corpus(hub: str, tmp_path: Path) -> None:
    paths = ["owner/pairs", "owner/missing", "owner/pairs:de-en"]
    (loaded, missing, subset), stderr = run(paths, tmp_path, HF_ENDPOINT=hub)
    assert loaded == (
        "{'train': 27, 'validation': 3, 'test': 4} {'translation.de': 'd2', 'translation.en': 'e2'}"
    )
    assert missing.startswith("data.path: 'owner/missing' is not a file or folder here, and as a")
    assert "BuilderConfig 'de-en' not found. Available: ['default']" in subset
    assert stderr == ""


def test_without_a_network_a_name_is_said_to_be_neither(tmp_path: Path) -> None:
    (message,), stderr = run(["owner/pairs"], tmp_path, HF_HUB_OFFLINE="1")
    assert message.startswith(
        "data.path: 'owner/pairs' is not a file or folder here, and as a name on the Hugging Face "
        "hub it cannot be loaded ("
    )
    assert stderr == ""


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (["all"], ["train", "validation", "test"]),
        (["train", "dev"], ["train", "validation"]),
        (["train", "val", "test", "test_2017"], ["train", "validation", "test"]),
    ],
)
def test_splits_have_the_usual_names(
    monkeypatch: pytest.MonkeyPatch, splits: list[str], expected: list[str]
) -> None:
    rows = {"source": [str(n) for n in range(20)], "target": ["x"] * 20}
    loaded = datasets.DatasetDict({name: datasets.Dataset.from_dict(rows) for name in splits})
    monkeypatch.setattr("datasets.load_dataset", lambda name, subset: loaded)
    assert list(load_corpus(DataConfig(path="owner/pairs"))) == expected


def test_hub_rows_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = datasets.Dataset.from_dict({"source": ["a", None], "target": ["b", "c"]})
    loaded = datasets.DatasetDict({"train": rows, "validation": rows})
    monkeypatch.setattr("datasets.load_dataset", lambda name, subset: loaded)
    with pytest.raises(DataError, match=r"^owner/pairs, train, row 2: column 'source': .* null$"):
        load_corpus(DataConfig(path="owner/pairs"))
