"""Rows, ratios and tables from fixed numbers."""

import argparse
import json
from collections.abc import Mapping

import pytest

from benchmarks.peers import DriverError
from benchmarks.speed import Rounds, Row, add_options, report, row_of, shown, table

_FASTER = {"project, fp32": 900.0, "project, bf16": 1200.0, "A": 300.0, "B": 400.0}


def test_the_best_of_the_project_is_set_beside_the_best_peer() -> None:
    row = row_of("greedy", _FASTER, "sentences/s")
    assert row.value == 1200
    assert row.ratio == 3


def test_of_a_time_the_least_is_the_best() -> None:
    row = row_of("median", {"project": 6.0, "A": 4.0, "B": 12.0}, "ms", less_is_better=True)
    assert row.ratio == 1.5


def test_without_peers_there_is_no_ratio() -> None:
    row = row_of("greedy", {"project": 900.0}, "sentences/s")
    assert row.ratio is None
    assert row.as_json()["value"] == 900


def test_where_the_project_failed_there_is_no_value() -> None:
    row = row_of("greedy", {"A": 300.0}, "sentences/s")
    assert (row.value, row.ratio) == (None, None)
    assert row.as_json()["systems"] == {"A": 300}


def test_a_table_has_a_line_for_each_system_and_the_ratios_at_the_end() -> None:
    rows = [
        row_of("greedy", _FASTER, "sentences/s"),
        Row(name="median", unit="ms", ours={"project, fp32": 2.0}, less_is_better=True),
        row_of("p95", {"project, fp32": 3.0, "B": 2.0}, "ms", less_is_better=True),
    ]
    assert table(rows).splitlines() == [
        "|  | greedy, sentences/s | median, ms | p95, ms |",
        "| --- | --- | --- | --- |",
        "| project, fp32 | 900 | 2 | 3 |",
        "| project, bf16 | 1,200 | – | – |",
        "| A | 300 | – | – |",
        "| B | 400 | – | 2 |",
        "| project / best peer | 3 | – | 1.5 (less is better) |",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.04357, "0.0436"), (1.4142, "1.41"), (99.96, "100"), (12345.6, "12,346")],
)
def test_numbers_have_three_digits_or_more(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_rounds_go_through_the_systems_in_turn_and_the_medians_count() -> None:
    order: list[str] = []

    def system(name: str, values: list[float]) -> Mapping[str, float]:
        order.append(name)
        return {"speed": values.pop(0)}

    of_project, of_peer = [1.0, 5.0, 2.0], [3.0, 3.0, 9.0]
    rounds = Rounds()
    rounds.run(
        {
            "project": lambda: system("project", of_project),
            "A": lambda: system("A", of_peer),
        },
        repeats=3,
    )
    assert order == ["project", "A"] * 3
    assert rounds.medians("speed") == {"project": 2, "A": 3}


def test_what_failed_is_said_and_not_asked_again() -> None:
    asked = []

    def fails() -> Mapping[str, float]:
        asked.append(1)
        raise DriverError("A failed: no reason")

    rounds = Rounds()
    rounds.run({"project": lambda: {"speed": 1.0}, "A": fails}, repeats=3)
    assert len(asked) == 1
    assert rounds.failures == {"A": "A failed: no reason"}
    assert rounds.medians("speed") == {"project": 1}


def _options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser, peers=("opennmt",), repeats=3)
    return parser.parse_args(["--threads", "2", *words])


def test_json_holds_the_rows_and_what_there_is_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row_of("greedy", _FASTER, "sentences/s")]
    report(rows, _options("--json"), notes=["one round"])
    found = json.loads(capsys.readouterr().out)
    (row,) = found["rows"]
    assert {name: row[name] for name in ("name", "value", "unit", "ratio")} == {
        "name": "greedy",
        "value": 1200,
        "unit": "sentences/s",
        "ratio": 3,
    }
    assert "2 threads" in found["machine"]
    assert found["notes"] == ["one round"]


def test_a_report_ends_with_what_there_is_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    report([row_of("greedy", _FASTER, "sentences/s")], _options(), notes=["one round"])
    lines = capsys.readouterr().out.splitlines()
    assert "2 threads" in lines[0]
    assert lines[-1] == "- one round"
