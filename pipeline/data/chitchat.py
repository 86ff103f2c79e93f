"""The conversations of the package `chitchat-dataset` (PyPI, MIT): people who meet and chat."""

import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from pipeline.errors import DataError

_ADDRESS = re.compile(
    r"https?:|\bwww\.|\S@\S+\.\w|\b[\w-]+\.(?:com|org|net|edu|gov)\b|\w\.\w+/\w", re.IGNORECASE
)

_Message = dict[str, str]


def chitchat_file() -> Path:
    """The file with the conversations.

    Raises:
        DataError: The package is not installed.
    """
    try:
        folder = importlib.resources.files("chitchat_dataset")
    except ModuleNotFoundError as error:
        raise DataError(
            'data.path: chitchat-dataset is not installed: pip install "seq2seq-pipeline[chitchat]"'
        ) from error
    return Path(str(folder / "dataset.json"))


def chitchat_dialogues() -> Iterator[list[str]]:
    """Conversations as turns: what one person wrote before the other answered is one turn.

    A conversation ends before a turn with a URL or an e-mail address. Conversations with fewer
    than two turns are left out. Who wrote a turn is left out as well.

    Raises:
        DataError: The package is not installed.
    """
    conversations = json.loads(chitchat_file().read_text(encoding="utf-8"))
    for conversation in conversations.values():
        messages = [message for group in conversation["messages"] for message in group]
        turns = _turns(cast(list[_Message], messages))
        if len(turns) >= 2:
            yield turns


def _turns(messages: list[_Message]) -> list[str]:
    turns: list[str] = []
    sender = None
    for message in messages:
        goes_on = message["sender"] == sender
        if _ADDRESS.search(message["text"]):
            return turns[:-1] if goes_on else turns
        text = message["text"].strip()
        if not text:
            continue
        if goes_on:
            turns[-1] += f" {text}"
        else:
            turns.append(text)
        sender = message["sender"]
    return turns
