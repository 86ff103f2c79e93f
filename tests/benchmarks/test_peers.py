"""Requests to a driver, and the corpus that the peers read."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import install_peers, peers
from benchmarks.install_peers import PEERS
from benchmarks.peers import DriverError, drive, missing_note, write_corpus
from pipeline.tokenizer import Tokenizer


def test_what_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_peers, "FOLDER", tmp_path)
    for name, mark in (("joeynmt", repr(PEERS["joeynmt"])), ("opennmt", "an older version")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "installed").write_text(mark)
    assert peers.available(["opennmt", "joeynmt"]) == ["joeynmt"]
    assert missing_note(["joeynmt"]) == []
    (line,) = missing_note(["opennmt", "joeynmt", "ctranslate2"])
    assert "OpenNMT-py, CTranslate2" in line
    assert "make peers" in line


def test_a_driver_that_fails_says_why_in_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f"#!{sys.executable}\nraise ValueError('no such model')\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(peers, "python_of", lambda name: interpreter)
    with pytest.raises(DriverError, match=r"^JoeyNMT failed: ValueError: no such model$"):
        drive("joeynmt", {"task": "train"}, threads=1)


def test_a_driver_is_given_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nrequest = json.load(sys.stdin)\n"
        "print(json.dumps([request, sys.argv[1:], os.environ['OMP_NUM_THREADS']]))\n"
    )
    interpreter.chmod(0o755)
    monkeypatch.setattr(peers, "python_of", lambda name: interpreter)
    answer: Any = drive("joeynmt", {"task": "train"}, threads=3)
    assert answer == [{"threads": 3, "task": "train"}, ["-m", "benchmarks.drivers.joeynmt"], "3"]


def test_the_peers_read_ids_and_their_vocabulary_is_the_tokenizers(
    tmp_path: Path, tiny_tokenizer: Tokenizer
) -> None:
    texts = ["The little dog runs.", "Two children\u00a0play."]  # a space that is not one
    ids = tiny_tokenizer.encode_batch(texts)
    corpus: Any = SimpleNamespace(
        source_tokenizer=tiny_tokenizer,
        train={"source_ids": ids, "target_ids": ids[::-1]},
        validation={"source_ids": ids[:1], "target_ids": ids[:1]},
    )
    write_corpus(corpus, tmp_path)
    lines = (tmp_path / "train.source").read_text(encoding="utf-8").splitlines()
    assert [[int(word) for word in line.split()] for line in lines] == ids
    vocabulary = (tmp_path / "vocabulary.txt").read_text(encoding="utf-8").split()
    assert len(vocabulary) == len(tiny_tokenizer) - 4  # the special ones, which the peers add
    assert {word for line in lines for word in line.split()} <= set(vocabulary)
    assert Tokenizer.load(tmp_path / "tokenizer.model").encode_batch(texts) == ids
