from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.insight.learning_curve import plot_learning_curve

_TRANSLATION = [
    {"step": 50.0, "train_loss": 5.0, "learning_rate": 1e-3},
    {"step": 100.0, "train_loss": 4.0, "val_loss": 4.5, "val_bleu": 3.0},
    {"step": 150.0, "train_loss": 3.0},
    {"step": 200.0, "val_loss": 3.5, "val_bleu": 7.0},
]
_CHAT = [{name: value for name, value in row.items() if name != "val_bleu"} for row in _TRANSLATION]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Those that were closed, which are all that were made."""
    closed: list[Figure] = []
    close = plt.close

    def keep(figure: Figure) -> None:
        closed.append(figure)
        close(figure)

    monkeypatch.setattr(plt, "close", keep)
    return closed


def _plot(rows: list[dict[str, float]], path: Path, figures: list[Figure]) -> Figure:
    plot_learning_curve(rows, path, title="a run")
    (figure,) = figures
    assert not plt.get_fignums()
    return figure


def _points(line: Line2D) -> list[list[float]]:
    return [np.asarray(axis).tolist() for axis in line.get_data()]


def test_a_png_is_written_without_a_screen(tmp_path: Path, figures: list[Figure]) -> None:
    path = tmp_path / "curve.png"
    _plot(_TRANSLATION, path, figures)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) > 5000
    assert mpl.get_backend().lower() == "agg"


def test_a_translators_curve_has_loss_and_bleu(tmp_path: Path, figures: list[Figure]) -> None:
    figure = _plot(_TRANSLATION, tmp_path / "curve.png", figures)
    loss, bleu = figure.axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("step", "loss (nats per target token)")
    assert (bleu.get_xlabel(), bleu.get_ylabel()) == ("step", "BLEU (greedy, 13a)")
    assert bleu.get_ylim()[0] == 0
    assert figure.get_suptitle() == "a run"
    legend = loss.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["training batch", "validation"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("val_accuracy", "accuracy (share of labels)"),
        ("val_rmse", "RMSE (units of the series)"),
    ],
)
def test_the_other_kinds_have_a_score_of_their_own(
    tmp_path: Path, figures: list[Figure], name: str, label: str
) -> None:
    rows = [{"step": 10.0, "val_loss": 2.0, name: 0.5}, {"step": 20.0, "val_loss": 1.0, name: 0.75}]
    loss, score = _plot(rows, tmp_path / "curve.png", figures).axes
    assert loss.get_ylabel() == "loss (nats per prediction)"
    assert score.get_ylabel() == label
    assert _points(score.get_lines()[0]) == [[10, 20], [0.5, 0.75]]


def test_a_line_has_the_steps_that_measured_it(tmp_path: Path, figures: list[Figure]) -> None:
    loss, bleu = _plot(_TRANSLATION, tmp_path / "curve.png", figures).axes
    training, validation = loss.get_lines()
    assert _points(training) == [[50, 100, 150], [5, 4, 3]]
    assert _points(validation) == [[100, 200], [4.5, 3.5]]
    assert _points(bleu.get_lines()[0]) == [[100, 200], [3, 7]]


@pytest.mark.parametrize("rows", [_CHAT, _CHAT[:1], []])
def test_a_chatbots_curve_has_the_loss_alone(
    tmp_path: Path, figures: list[Figure], rows: list[dict[str, float]]
) -> None:
    (loss,) = _plot(rows, tmp_path / "curve.png", figures).axes
    assert loss.get_ylabel() == "loss (nats per target token)"
    assert (tmp_path / "curve.png").stat().st_size > 1000
