import io
import json
from pathlib import Path

import pytest

from pipeline.cli.main import DONE, MISTAKE, main
from pipeline.data.config import DataConfig
from pipeline.model_folder import save_model
from pipeline.task import Task
from pipeline.tokenizer import Tokenizer
from tests.building import build_untrained

_CONFIGS = Path("configs").resolve()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_gradients_of_one_cell_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["inspect", "gradients", "--cell", "lstm", "--length", "30", "--json"]
    assert main([*words, "--hidden-size", "8"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert found["cell"] == "lstm"
    assert len(found["norms"]) == 30
    assert (tmp_path / "gradients.png").stat().st_size > 0


def test_gradients_of_several_cells(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", "gradients", "--cell", "gru", "--cell", "sru", "--length", "3"]
    assert main([*words, "--hidden-size", "8", "--output", "two.svg"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["distance", "gru", "sru"]
    assert lines[0].split()[1:] == ["0", "1", "2"]


@pytest.mark.parametrize("task", ["classification", "language_model", "forecast"])
def test_gradients_of_the_other_kinds(
    task: Task, tiny_tokenizer: Tokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ["a", "b"] if task == "classification" else None
    config = DataConfig(path="x", task=task, labels=labels)
    trained = build_untrained(config, *([] if task == "forecast" else [tiny_tokenizer]))
    save_model(trained, tmp_path / "model")
    words = ["inspect", "gradients", str(tmp_path / "model"), "--length", "5", "--json"]
    assert main(words) == DONE
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [cell["cell"] for cell in cells] == ["gru, untrained", "gru, trained"]
    assert cells[0]["norms"] != cells[1]["norms"]


def test_gradients_of_a_trained_model_stand_beside_those_before_training(
    capsys: pytest.CaptureFixture[str], tiny_translator_folder: Path
) -> None:
    words = ["inspect", "gradients", str(tiny_translator_folder), "--length", "5", "--json"]
    assert main(words) == DONE
    names = [row["cell"] for row in json.loads(capsys.readouterr().out)["cells"]]
    assert names == ["gru, untrained", "gru, trained"]


@pytest.mark.parametrize(
    ("name", "keras"),
    [
        # an embedding, then a SimpleRNN: W_xh, W_hh and a bias
        ("practice_1", 10 * 5 + (5 * 3 + 3 * 3 + 3)),
        # the same with a dense softmax layer behind it
        ("practice_2", 256 * 100 + (100 * 20 + 20 * 20 + 20) + (20 * 10 + 10)),
    ],
)
def test_the_practice_models_have_as_many_parameters_as_in_keras(
    name: str, keras: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keras == {"practice_1": 77, "practice_2": 28_230}[name]
    assert main(["inspect", "summary", str(_CONFIGS / f"{name}.yaml"), "--json"]) == DONE
    summary = json.loads(capsys.readouterr().out)
    assert summary["num_parameters"] == keras
    assert "flops_per_target_token" not in summary
    assert main(["inspect", "summary", str(_CONFIGS / f"{name}.yaml")]) == DONE
    out = capsys.readouterr().out
    assert f"{keras:,}" in out
    assert "a target token" not in out


def test_a_summary_of_a_classifier_wants_its_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("data: {path: x.csv, task: classification}\n", encoding="utf-8")
    assert main(["inspect", "summary", str(config)]) == MISTAKE
    assert f"{config}: data.labels: expected" in capsys.readouterr().err


def test_a_summary_of_a_model_and_of_a_configuration(
    capsys: pytest.CaptureFixture[str], tiny_translator_folder: Path, tmp_path: Path
) -> None:
    assert main(["inspect", "summary", str(tiny_translator_folder), "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["num_parameters"] > 0
    config = tmp_path / "small.yaml"
    config.write_text("data: {path: x.tsv, tokenizer: {vocab_size: 50}}\nmodel: {hidden_size: 8}\n")
    assert main(["inspect", "summary", str(config)]) == DONE
    out = capsys.readouterr().out
    assert "decoder.W_c.weight" in out
    assert "MFLOP" in out


def test_memory_of_a_cell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["inspect", "memory", "--cell", "elman", "--delay", "3", "--delay", "2"]
    assert main([*words, "--steps", "2", "--hidden-size", "4", "--json"]) == DONE
    results = json.loads(capsys.readouterr().out)["results"]
    assert [(found["cell"], found["delay"]) for found in results] == [("elman", 2), ("elman", 3)]
    assert (tmp_path / "memory.png").stat().st_size > 0


def test_attention_of_a_sentence(
    capsys: pytest.CaptureFixture[str], tiny_translator_folder: Path, tmp_path: Path
) -> None:
    words = ["inspect", "attention", str(tiny_translator_folder), "The dog runs."]
    assert main([*words, "--json"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert len(found["weights"]) == len(found["target"])
    assert (tmp_path / "attention.png").stat().st_size > 0
    assert main(words) == DONE
    assert len(capsys.readouterr().out.splitlines()) == len(found["target"])


def test_attention_in_a_target_language(
    capsys: pytest.CaptureFixture[str], tiny_multilingual_folder: Path, tiny_chat_folder: Path
) -> None:
    words = ["inspect", "attention", str(tiny_multilingual_folder), "The dog"]
    assert main([*words, "--to", "ko", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["source"][0] == "<2ko>"
    assert main(words) == MISTAKE
    assert "error: --to: expected one of de, ko, got none\n" in capsys.readouterr().err
    for subject, text in (("attention", "hello"), ("states", "hello")):
        words = ["inspect", subject, str(tiny_chat_folder), text, "--to", "ko"]
        assert main(words) == MISTAKE
        assert "--to ko: expected a translator, got a model for chat" in capsys.readouterr().err


def test_states_in_a_target_language(
    capsys: pytest.CaptureFixture[str], tiny_multilingual_folder: Path
) -> None:
    words = ["inspect", "states", str(tiny_multilingual_folder), "a dog", "a cat", "water"]
    printed = []
    for language in ("de", "ko"):
        assert main([*words, "--to", language]) == DONE
        printed.append(capsys.readouterr().out)
    assert printed[0] != printed[1]


def test_states_of_the_lines_of_stdin(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tiny_translator_folder: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("A dog.\nA man.\n\nWater!\n"))
    assert main(["inspect", "states", str(tiny_translator_folder)]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[2] for line in lines] == ["A dog.", "A man.", "Water!"]
    assert (tmp_path / "states.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "SUBJECT"),
        (["gradients", "--length", "0"], "--length: expected 1 or more, got 0"),
        (["memory", "--delay", "0"], "--delay: expected 1 or more, got 0"),
        (["gradients", "--cell", "lsmt"], "invalid choice: 'lsmt'"),
        (["gradients", "--output", "nowhere/x.png"], "--output nowhere/x.png: no such folder"),
        (["summary", "nowhere"], "nowhere: no such model folder"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["inspect", *words]) == MISTAKE
    assert message in capsys.readouterr().err
