import logging
from pathlib import Path
from typing import Any

import datasets
import pytest

from pipeline.data.config import DataConfig
from pipeline.data.pairs import text_pairs
from pipeline.tokenizer import TURN


def pairs_of(rows: dict[str, Any], **config: Any) -> list[tuple[str, str]]:
    pairs = text_pairs(datasets.Dataset.from_dict(rows), DataConfig(path="x", **config))
    assert pairs.column_names == ["source", "target"]
    return [(pair["source"], pair["target"]) for pair in pairs]


def test_sides_are_normalised_and_none_is_lost() -> None:
    rows = {"de": [" a\u0308 \x00 b\r\n", "", "ㅋㅋ"], "en": ["1", "2", "3\u2028"]}
    assert pairs_of(rows, source="de", target="en") == [("ä b", "1"), ("", "2"), ("ㅋㅋ", "3")]


def test_a_dialogue_gives_a_pair_for_each_response() -> None:
    rows = {"turns": [["a", "b", "c"], ["d"], [], ["e", "f"]]}
    assert pairs_of(rows, dialogue="turns") == [
        ("a", "b"),
        (f"a {TURN} b", "c"),
        ("e", "f"),
    ]


def test_reversed_a_reply_comes_before_the_message_that_it_answers() -> None:
    rows = {"turns": [["a", "b", "c"], ["d"], ["e", "f"]]}
    pairs = pairs_of(rows, dialogue="turns", reverse=True)
    assert pairs == [("b", "a"), ("c", "b"), ("f", "e")]
    columns = {"Q": ["q1", "q2"], "A": ["a1", "a2"]}
    pairs = pairs_of(columns, source="Q", target="A", task="chat", reverse=True)
    assert pairs == [("a1", "q1"), ("a2", "q2")]


def test_a_context_without_limit_holds_every_turn() -> None:
    rows = datasets.Dataset.from_dict({"turns": [[str(n) for n in range(20)]]})
    config = DataConfig(path="x", dialogue="turns")
    lengths = {
        limit: len(text_pairs(rows, config, max_turns=limit)[-1]["source"].split(TURN))
        for limit in (3, 8, None)
    }
    assert lengths == {3: 3, 8: 8, None: 19}


def test_no_question_forges_a_turn() -> None:
    rows = {"source": [f"a{TURN}b"], "target": ["c"]}
    assert pairs_of(rows, task="chat") == [("a b", "c")]


def test_rows_with_other_labels_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows = {"text": ["a", "b", "c", "d", "e"], "label": ["ja", " nein ", "jain", "", "ja"]}
    columns: dict[str, Any] = {"source": "text", "target": "label", "task": "classification"}
    assert pairs_of(rows, **columns, labels=["nein", "ja"]) == [
        ("a", "ja"),
        ("b", "nein"),
        ("e", "ja"),
    ]
    assert caplog.messages == ["2 rows with other labels are left out"]
    assert pairs_of(rows, **columns, labels=["jain", "nein"]) == [("b", "nein"), ("c", "jain")]
    caplog.clear()
    assert len(pairs_of(rows, **columns)) == 5
    assert caplog.messages == []


def test_a_language_model_has_its_text_on_both_sides() -> None:
    rows = {"text": [" a  b", "", "c"]}
    assert pairs_of(rows, target="text", task="language_model") == [
        ("a b", "a b"),
        ("", ""),
        ("c", "c"),
    ]


def test_other_columns_give_other_pairs(tmp_path: Any) -> None:
    rows = datasets.Dataset.from_dict({"a": ["1"], "b": ["2"]})
    rows.save_to_disk(tmp_path / "rows")
    rows = datasets.load_from_disk(tmp_path / "rows")
    there = text_pairs(rows, DataConfig(path="x", source="a", target="b"))
    back = text_pairs(rows, DataConfig(path="x", source="b", target="a"))
    assert (there[0], back[0]) == ({"source": "1", "target": "2"}, {"source": "2", "target": "1"})


def test_reversed_pairs_are_other_pairs(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"turns": [["a", "b", "c"]]}).save_to_disk(tmp_path / "rows")
    rows = datasets.load_from_disk(tmp_path / "rows")
    found = [
        list(text_pairs(rows, DataConfig(path="x", dialogue="turns", reverse=reverse))["target"])
        for reverse in (False, True)
    ]
    assert found == [["b", "c"], ["a", "b"]]


def test_other_labels_give_other_pairs(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"source": ["1", "2"], "target": ["a", "b"]}).save_to_disk(tmp_path)
    rows = datasets.load_from_disk(tmp_path)
    found = [
        list(text_pairs(rows, DataConfig(path="x", task="classification", labels=labels))["source"])
        for labels in (["a", "b"], ["a", "c"], None)
    ]
    assert found == [["1", "2"], ["1"], ["1", "2"]]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    pairs_of({"source": ["a"], "target": ["b"]})
    assert capfd.readouterr() == ("", "")
