"""The rows of training, and what the systems are given."""

import argparse
from collections import defaultdict

import pytest

from benchmarks import training_speed
from benchmarks.speed import Rounds
from benchmarks.training_speed import rows_of_limit, speed_rows, train_options
from pipeline.cli.train import parse


def _rounds() -> Rounds:
    values = {
        "fp32": {"project, fp32": [3000.0], "OpenNMT-py": [2000.0], "JoeyNMT": [1000.0]},
        "bf16": {"project, bf16": [8000.0]},
    }
    return Rounds(values=defaultdict(lambda: defaultdict(list), values))


class _Limit:
    """Stands for the shapes of a model whose limit is known."""

    def __init__(self, tokens_per_second: float) -> None:
        self._tokens_per_second = tokens_per_second

    def tokens_per_second(self, dtype: object) -> float:
        return self._tokens_per_second


def test_bf16_is_set_beside_the_fp32_of_the_peers() -> None:
    fp32, bf16 = speed_rows(_rounds())
    assert (fp32.value, fp32.ratio) == (3000, 1.5)
    assert (bf16.value, bf16.ratio) == (8000, 4)
    assert "peers: fp32" in bf16.name


def test_where_only_fp32_is_measured_there_is_no_bf16() -> None:
    rounds = _rounds()
    del rounds.values["bf16"]
    speeds = speed_rows(rounds)
    assert [row.name for row in speeds] == ["training, fp32"]
    limits = rows_of_limit(speeds, _Limit(10_000), _Limit(4_000))  # type: ignore[arg-type]
    assert [row.name for row in limits] == ["limit by arithmetic, fp32", "share of it, fp32"]


def test_a_failed_peer_leaves_the_other() -> None:
    rounds = _rounds()
    del rounds.values["fp32"]["OpenNMT-py"]
    assert [row.ratio for row in speed_rows(rounds)] == [3, 8]


def test_the_share_of_the_limit_is_of_each_systems_own() -> None:
    rows = rows_of_limit(
        speed_rows(_rounds()),
        _Limit(10_000),  # type: ignore[arg-type]
        _Limit(4_000),  # type: ignore[arg-type]
    )
    by_name = {row.name: row for row in rows}
    assert by_name["limit by arithmetic, bf16"].value == 10_000
    assert by_name["share of it, fp32"].ours == {"project": 0.3}
    assert by_name["share of it, fp32"].peers == {"OpenNMT-py": 0.5, "JoeyNMT": 0.25}
    assert by_name["share of it, bf16"].value == 0.8


@pytest.mark.parametrize(("embedding_dim", "is_tied"), [(256, False), (512, True)])
def test_the_options_are_those_of_a_training(embedding_dim: int, is_tied: bool) -> None:
    options = argparse.Namespace(
        data="data/phrasebook",
        source="en",
        target="ko",
        embedding_dim=embedding_dim,
        input_feeding=False,
        steps=60,
    )
    config = parse([*train_options(options), "--trainer.precision", "fp32"])
    assert config.model.embedding_dim == embedding_dim
    assert config.model.tie_embeddings is is_tied
    assert config.data.batch_tokens == 4096
    assert config.trainer.max_steps == 60
    assert config.trainer.validate_every == 15
    assert config.trainer.max_time is None


def test_steps_that_cannot_be_parted_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["training_speed", "--data", "x", "--steps", "30"])
    with pytest.raises(SystemExit) as stop:
        training_speed.main()
    assert stop.value.code == 2
    assert "multiple of 4, got 30" in capsys.readouterr().err
