from pathlib import Path

import pytest

from pipeline.training.metrics_file import COLUMNS, MetricsFile, read_metrics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.csv"


def begin(path: Path, step: int = 0) -> MetricsFile:
    metrics = MetricsFile(path)
    metrics.start(step)
    return metrics


def test_what_is_logged_at_a_step_is_one_row(path: Path) -> None:
    metrics = begin(path)
    metrics.log_metrics({"train_loss": 2.5, "learning_rate": 0.001}, 50)
    metrics.log_metrics({"val_loss": 2.25}, 50)
    metrics.log_metrics({"train_loss": 1.5}, 100)
    metrics.finalize("success")
    assert read_metrics(path) == [
        {"step": 50, "train_loss": 2.5, "learning_rate": 0.001, "val_loss": 2.25},
        {"step": 100, "train_loss": 1.5},
    ]


def test_a_row_is_written_when_the_next_begins(path: Path) -> None:
    metrics = begin(path)
    metrics.log_metrics({"train_loss": 2.5}, 50)
    assert read_metrics(path) == []
    metrics.log_metrics({"train_loss": 1.5}, 100)
    assert [row["step"] for row in read_metrics(path)] == [50]


def test_a_row_is_written_once(path: Path) -> None:
    metrics = begin(path)
    metrics.log_metrics({"train_loss": 2.5}, 50)
    metrics.save()
    metrics.save()
    metrics.finalize("success")
    assert [row["step"] for row in read_metrics(path)] == [50]


def test_a_row_from_before_the_first_session_stays(path: Path) -> None:
    metrics = MetricsFile(path)
    metrics.log_metrics({"val_loss": 3.5}, 0)
    metrics.save()
    metrics.start(0)
    metrics.log_metrics({"val_loss": 2.5}, 50)
    metrics.finalize("success")
    assert read_metrics(path) == [{"step": 0, "val_loss": 3.5}, {"step": 50, "val_loss": 2.5}]


def test_a_new_session_drops_later_rows_and_keeps_earlier_ones(path: Path) -> None:
    first = begin(path)
    for step in (50, 100, 150):
        first.log_metrics({"train_loss": step / 10}, step)
    first.finalize("interrupted")
    second = begin(path, step=100)
    second.log_metrics({"train_loss": 14.0}, 150)
    second.finalize("success")
    assert [(row["step"], row["train_loss"]) for row in read_metrics(path)] == [
        (50, 5.0),
        (100, 10.0),
        (150, 14.0),
    ]


def test_a_session_from_the_beginning_drops_all(path: Path) -> None:
    first = begin(path)
    first.log_metrics({"train_loss": 1.0}, 50)
    first.finalize("success")
    begin(path)
    assert read_metrics(path) == []


def test_the_header_is_there_from_the_start(path: Path) -> None:
    begin(path)
    assert path.read_text(encoding="utf-8").splitlines() == [",".join(COLUMNS)]


def test_unknown_names_are_left_out_and_make_no_row(path: Path) -> None:
    metrics = begin(path)
    metrics.log_metrics({"epoch": 0.0, "train_loss": 1.0}, 50)
    metrics.log_metrics({"epoch": 1.0}, 100)
    metrics.finalize("success")
    assert read_metrics(path) == [{"step": 50, "train_loss": 1.0}]


def test_step_zero_has_a_row(path: Path) -> None:
    metrics = begin(path)
    metrics.log_metrics({"train_loss": 8.0}, 0)
    metrics.finalize("success")
    assert read_metrics(path) == [{"step": 0, "train_loss": 8.0}]


def test_values_come_back_exactly(path: Path) -> None:
    metrics = begin(path)
    metrics.log_metrics({"learning_rate": 1 / 3, "val_loss": 1e-7}, 1)
    metrics.finalize("success")
    assert begin(path, step=1)
    assert read_metrics(path) == [{"step": 1, "learning_rate": 1 / 3, "val_loss": 1e-7}]


def test_no_file_is_no_rows(path: Path) -> None:
    assert read_metrics(path) == []


def test_hyperparameters_are_not_written(path: Path) -> None:
    metrics = begin(path)
    before = path.read_bytes()
    metrics.log_hyperparams({"seed": 1})
    metrics.finalize("success")
    assert path.read_bytes() == before
    assert (metrics.name, metrics.version) == ("metrics", "")
