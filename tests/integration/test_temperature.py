import csv
import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

_FOLDER = Path("data/temperature")


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make", _FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_what_the_program_makes(make: ModuleType, tmp_path: Path) -> None:
    make.main(tmp_path)
    for name in ("celsius.csv", "changes.tsv"):
        assert (tmp_path / name).read_bytes() == (_FOLDER / name).read_bytes()


def test_no_stretch_stands_twice_and_each_trend_is_as_frequent() -> None:
    with (_FOLDER / "changes.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert len({row["changes"] for row in rows}) == len(rows)
    assert set("".join(row["changes"] for row in rows)) == set("⇈↑↓⇊")
    counts = {trend: sum(row["trend"] == trend for row in rows) for trend in ("warmer", "colder")}
    assert counts == {"warmer": len(rows) // 3, "colder": len(rows) // 3}


def test_the_season_returns_and_days_remember(make: ModuleType) -> None:
    with (_FOLDER / "celsius.csv").open(encoding="utf-8") as stream:
        days = [float(row["celsius"]) for row in csv.DictReader(stream)]
    assert len(days) == make.NUM_DAYS
    summer, winter = days[200::365][:9], days[20::365][:9]
    assert min(summer) > max(winter)
    changes = [after - before for before, after in pairwise(days)]
    rmse = (sum(change**2 for change in changes) / len(changes)) ** 0.5
    assert rmse > make.SURPRISE  # so that the naive forecast can be bettered
