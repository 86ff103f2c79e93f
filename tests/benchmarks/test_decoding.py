"""Which translators are timed, and how; the timing itself is replaced."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import decoding
from benchmarks.decoding import System, systems
from benchmarks.decoding_speed import settings
from benchmarks.drivers import exported, project
from benchmarks.latency import milliseconds
from pipeline.batch import collate_sources
from pipeline.decoding import SearchSettings, search_best
from pipeline.export import export_model
from pipeline.model_folder import load_model


def test_each_beam_and_batch_is_timed_with_own_and_with_pinned_lengths() -> None:
    named = settings((64, 256), (1, 5))
    assert list(named)[:3] == [
        "greedy, batches of 64, own lengths",
        "greedy, batches of 64, 15 tokens",
        "greedy, batches of 256, own lengths",
    ]
    assert len(named) == 8
    assert named["beam 5, batches of 256, 15 tokens"] == {
        "batch_size": 256,
        "beam_size": 5,
        "length": 15,
    }


def test_median_and_95th_percentile_in_milliseconds() -> None:
    found = milliseconds("x", [n / 1000 for n in range(1, 20)], 19)
    assert found == pytest.approx({"median, x": 10.0, "95th percentile, x": 19.0})


def test_random_weights_have_the_lengths_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def drive(name: str, request: Mapping[str, Any], *, threads: int) -> dict[str, Any]:
        asked.append((name, threads, [each["length"] for each in request["settings"]]))
        return {"timed": []}

    monkeypatch.setattr(decoding, "drive", drive)
    settings: list[dict[str, Any]] = [
        {"length": None},
        {"length": None, "by_line": True},
        {"length": 15, "by_line": True},
    ]
    for own_lengths in (True, False):
        system = System("A", "ctranslate2", {}, 2, own_lengths=own_lengths)
        system.translate(["x", "y"], settings, lengths=[9, 14])
    assert asked == [
        ("ctranslate2", 2, [None, None, 15]),
        ("ctranslate2", 2, [12, [9, 14], 15]),
    ]


def test_lengths_are_those_of_the_translations(tiny_translator_folder: Path) -> None:
    trained = load_model(tiny_translator_folder)
    texts = ["Where is the next railway station?", ""]
    pieces = len(trained.target_tokenizer.encode(texts[0]))
    assert decoding.output_lengths(trained, texts) == [pieces, 1]


def test_a_peer_without_a_model_is_left_out_and_said(
    tmp_path: Path, tiny_translator_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MODELS", tmp_path)
    monkeypatch.setattr(decoding, "export_model", lambda *_, **__: None)
    (tmp_path / "joeynmt").mkdir()
    monkeypatch.setattr(decoding, "choose_precision", lambda *_, **__: torch.float32)
    peers = ["opennmt", "joeynmt", "ctranslate2"]
    found = systems(
        tiny_translator_folder, tmp_path, peers=peers, threads=[1, 2], workers=[(1, 2), (2, 1)]
    )
    assert [(each.name, each.threads) for each in found] == [
        ("project, fp32, 1 thread", 1),
        ("project, fp32, 2 threads", 2),
        ("project, exported in fp32, 2×1", 2),
        ("project, exported in int8, 2×1", 2),
        ("JoeyNMT", 2),
        ("CTranslate2 4+4×128, 1×2", 2),
        ("CTranslate2 4+4×128, 2×1", 2),
        ("CTranslate2 3+3×256, 1×2", 2),
        ("CTranslate2 3+3×256, 2×1", 2),
    ]
    about = decoding.notes(peers, [12])
    assert any(line.startswith("OpenNMT-py: no model") for line in about)
    assert not any(line.startswith("JoeyNMT: no model") for line in about)


def test_the_project_translates_as_it_does_and_with_pinned_lengths(
    tiny_translator_folder: Path,
) -> None:
    request = {"folder": str(tiny_translator_folder), "options": {}, "threads": 1}
    translate, about = project.load(request)
    lines = ["Where is the next railway station?", "", "A man."]
    own = translate(lines, batch_size=2, beam_size=1, length=None)
    assert (len(own), own[1]) == (3, "")
    assert len(translate(lines, batch_size=2, beam_size=2, length=4)) == 3
    assert about["num_parameters"] > 0


def test_an_export_translates_as_it_does_and_with_pinned_lengths(
    tiny_translator_folder: Path, tmp_path: Path
) -> None:
    export_model(load_model(tiny_translator_folder), tmp_path / "own")
    export_model(project.without_end(load_model(tiny_translator_folder)), tmp_path / "endless")
    options = {"num_threads": 1, "num_workers": 2}
    folders = {"folder": str(tmp_path / "own"), "endless": str(tmp_path / "endless")}
    translate, _ = exported.load({**folders, "options": options})
    full, _ = project.load({"folder": str(tiny_translator_folder), "options": {}, "threads": 1})
    lines = ["Where is the next railway station?", "", "A man."]
    for beam_size, length in ((1, None), (1, 4), (2, 4)):
        setting = {"batch_size": 2, "beam_size": beam_size, "length": length}
        assert translate(lines, **setting) == full(lines, **setting)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_pinned_translation_has_so_many_tokens(
    tiny_translator_folder: Path, beam_size: int
) -> None:
    pinned = project.PinnedTranslator(load_model(tiny_translator_folder), 4)
    options = pinned._search_options(SearchSettings.of(beam_size, None))
    found = search_best(pinned._model, *collate_sources([[9, 8, 7], [6]]), **options)
    assert [len(hypothesis.ids) for hypothesis in found] == [4, 4]
