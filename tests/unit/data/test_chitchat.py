import json
from pathlib import Path

import pytest

from pipeline.data import chitchat
from pipeline.data.chitchat import chitchat_dialogues
from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.errors import DataError

Messages = list[tuple[str, str]]


@pytest.fixture
def conversations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Messages]:
    """Conversations that stand in for those of the package; tests add to the list."""
    added: list[Messages] = []
    path = tmp_path / "dataset.json"

    def file() -> Path:
        content = {
            str(number): {
                "messages": [[{"sender": sender, "text": text}] for sender, text in messages]
            }
            for number, messages in enumerate(added)
        }
        path.write_text(json.dumps(content))
        return path

    monkeypatch.setattr(chitchat, "chitchat_file", file)
    return added


def test_messages_of_one_sender_are_one_turn(conversations: list[Messages]) -> None:
    conversations.append([("a", "hi "), ("a", ""), ("a", "you"), ("b", "hello"), ("a", "bye")])
    assert list(chitchat_dialogues()) == [["hi you", "hello", "bye"]]


def test_conversations_without_an_answer_are_left_out(conversations: list[Messages]) -> None:
    conversations += [[("a", "hi"), ("a", "anyone?")], [], [("a", "hi"), ("b", " ")]]
    assert list(chitchat_dialogues()) == []


@pytest.mark.parametrize(
    "address",
    ["https://x.y", "see www.x.org", "me@mail.org", "find it on xkcd.com", "zty.pe/abc"],
)
def test_a_conversation_ends_before_an_address(conversations: list[Messages], address: str) -> None:
    conversations.append([("a", "hi"), ("b", "ho"), ("a", "wait"), ("a", address), ("b", "ok")])
    assert list(chitchat_dialogues()) == [["hi", "ho"]]


@pytest.mark.parametrize("text", ["awww...", "Awwww. ok", "so.many dots", "5.5", "and/or e.g. x"])
def test_other_dots_are_no_address(conversations: list[Messages], text: str) -> None:
    conversations.append([("a", "hi"), ("b", text)])
    assert list(chitchat_dialogues()) == [["hi", text]]


def test_a_package_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.resources.files", missing)
    with pytest.raises(DataError, match=r"pip install \"seq2seq-pipeline\[chitchat\]\""):
        load_corpus(DataConfig(path="chitchat-dataset", dialogue="dialogue"))


def test_the_package_itself_is_read() -> None:
    pytest.importorskip("chitchat_dataset")
    corpus = load_corpus(
        DataConfig(path="chitchat-dataset", dialogue="dialogue", held_out_rows=300)
    )
    assert len(corpus["train"]) > 3_000
    assert [len(corpus[name]) for name in ("validation", "test")] == [300, 300]
    assert all(len(turns) >= 2 for turns in corpus["test"]["dialogue"])
