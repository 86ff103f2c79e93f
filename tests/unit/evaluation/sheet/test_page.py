import json
import re
import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from pipeline.evaluation.sheet import Comparison, Item, render_page

_COMPARISON = Comparison(
    model_a="one",
    model_b="둘",
    split="test",
    seed=3,
    num_same=1,
    items=(
        Item(turns=("안녕 🙂", "</script><b>&amp;"), a="<!--", b="]]>\u2028", left="a"),
        Item(turns=("/* script */ /* data */",), a="", b="네", left="b"),
        Item(turns=("c",), a="d", b="e", left="b"),
    ),
)
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def _data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def _in_node(expression: str) -> Any:
    script = files("pipeline.evaluation.sheet") / "page.js"
    program = (
        f"const page = require({json.dumps(str(script))});console.log(JSON.stringify({expression}))"
    )
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_page_holds_its_data_whatever_the_text() -> None:
    data = _data(render_page(_COMPARISON))
    assert data["items"][0] == {
        "turns": ["안녕 🙂", "</script><b>&amp;"],
        "a": "<!--",
        "b": "]]>\u2028",
        "left": "a",
    }
    assert data["items"][1]["turns"] == ["/* script */ /* data */"]
    assert (data["model_a"], data["model_b"], data["num_same"]) == ("one", "둘", 1)


def test_no_text_becomes_markup() -> None:
    page = render_page(_COMPARISON)
    assert page.count("</script>") == 2  # the data's and the script's
    assert "<b>" not in page
    assert "\u2028" not in page
    assert "innerHTML" not in page


def test_a_page_loads_nothing() -> None:
    page = render_page(_COMPARISON)
    assert not re.search(r"https?:|\b(src|href)=|@import|url\(", page)
    assert "default-src 'none'" in page
    for mark in ("/* style */", "/* script */\n</script>", ">/* data */<"):
        assert mark not in page


def test_each_sheet_keeps_its_answers_apart() -> None:
    page = render_page(_COMPARISON)
    assert render_page(_COMPARISON) == page
    other = render_page(replace(_COMPARISON, seed=4))
    assert _data(other)["id"] != _data(page)["id"]


@needs_node
@pytest.mark.parametrize(
    ("wins", "n", "expected"),
    [
        # p = 0.8, z^2 = 3.84146: (0.8 + 0.192073 +- 1.959964 * sqrt(0.016 + 0.0096036)) / 1.384146,
        # the root being 0.160011, so that 0.992073 +- 0.313617 is divided.
        (8, 10, [0.490163, 0.943317]),
        # p = 0: from 0 to (z^2 / n) / (1 + z^2 / n) = 0.768292 / 1.768292.
        (0, 5, [0.0, 0.434482]),
        (5, 5, [0.565518, 1.0]),
        (0, 0, None),
    ],
)
def test_the_interval_by_hand(wins: int, n: int, expected: list[float] | None) -> None:
    found = _in_node(f"page.wilson({wins}, {n})")
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


@needs_node
def test_picks_are_for_the_model_on_that_side() -> None:
    data = json.dumps(_data(render_page(_COMPARISON)))
    # On the left: a, b, b.
    assert _in_node(f"page.tally({data}, ['left', 'left', 'right'])") == {
        "wins_a": 2,
        "wins_b": 1,
        "ties": 0,
        "same": 1,
        "win_rate_a": pytest.approx(2 / 3),
        "interval_95": pytest.approx(_in_node("page.wilson(2, 3)")),
    }
    nothing = _in_node(f"page.tally({data}, ['equal', 'equal', null])")
    assert (nothing["ties"], nothing["win_rate_a"], nothing["interval_95"]) == (2, None, None)


@needs_node
def test_what_is_downloaded_names_models_not_sides() -> None:
    data = json.dumps(_data(render_page(_COMPARISON)))
    values = _in_node(f"page.exported({data}, ['right', 'equal', 'left'])")
    assert [item["pick"] for item in values["items"]] == ["b", "equal", "b"]
    assert (values["model_a"], values["model_b"], values["seed"]) == ("one", "둘", 3)
    assert (values["wins_a"], values["wins_b"], values["ties"]) == (0, 2, 1)
