import csv
import json
from pathlib import Path

import pytest

from pipeline.chat.retrieval import PAIRS_FILE, VECTORS_FILE
from pipeline.cli.question_index import open_index
from pipeline.errors import DataError, ModelError
from pipeline.model_folder import TrainedModel, load_model

PAIRS = [(f"질문 {number}?", f"답 {number}.") for number in range(40)]


def write(path: Path, pairs: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("question", "answer"), *pairs])


@pytest.fixture
def folder(tiny_chat_folder: Path, tmp_path: Path) -> Path:
    """The tiny model, as if trained on a file of 40 pairs."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in tiny_chat_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    write(tmp_path / "faq.csv", PAIRS)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    columns = {"source": "question", "target": "answer", "task": "chat", "tokenizer": {}}
    config["data"] = {"path": str(tmp_path / "faq.csv"), "context_tokens": 24, **columns}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture
def trained(folder: Path) -> TrainedModel:
    return load_model(folder)


def test_it_is_made_of_the_training_split_once_and_then_read(
    folder: Path, trained: TrainedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    made = open_index(trained, folder, corpus=None)
    out, err = capsys.readouterr()
    assert out == ""
    assert "making an index of the questions of the training split" in err
    assert f"32 questions, kept in {folder / PAIRS_FILE}" in err  # a tenth is for each other split
    (folder.parent / "faq.csv").unlink()
    read = open_index(trained, folder, corpus=None)
    assert capsys.readouterr() == ("", "")
    assert read.search("질문 7?", 32) == made.search("질문 7?", 32)


def test_another_file_is_taken_whole_and_leaves_the_index_alone(
    folder: Path, trained: TrainedModel
) -> None:
    other = folder.parent / "other.csv"
    write(other, [*PAIRS, ("어디예요?", "여기요.")])
    index = open_index(trained, folder, corpus=str(other))
    assert len(index) == 41
    assert index.search("어디예요?")[0].answer == "여기요."
    assert not (folder / PAIRS_FILE).exists()


def test_a_corpus_that_is_gone_is_one_error(folder: Path, trained: TrainedModel) -> None:
    with pytest.raises(DataError, match="nowhere.csv"):
        open_index(trained, folder, corpus=str(folder / "nowhere.csv"))
    assert not (folder / PAIRS_FILE).exists()


def test_a_damaged_index_is_not_made_again_unasked(folder: Path, trained: TrainedModel) -> None:
    open_index(trained, folder, corpus=None)
    (folder / VECTORS_FILE).write_bytes(b"")
    with pytest.raises(ModelError, match="delete index.json"):
        open_index(trained, folder, corpus=None)
