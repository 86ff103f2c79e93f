"""The FAQ that comes with the project: well-formed, true where that can be checked, and a bot."""

import csv
import re
from collections import defaultdict
from pathlib import Path
from typing import cast

import pytest

from pipeline.chat import ChatSession
from pipeline.cli.chat_commands import Commands
from pipeline.cli.chat_options import SETTINGS
from pipeline.cli.main import _COMMANDS, DONE
from tests.integration.command_line import seq2seq

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / "data" / "faq"


def read(name: str) -> list[tuple[str, str]]:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["question"], row["answer"]) for row in csv.DictReader(stream)]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[tuple[str, str]]]:
    return {name: read(name) for name in ("train", "validation")}


def test_no_question_stands_twice_and_no_cell_is_empty(
    rows: dict[str, list[tuple[str, str]]],
) -> None:
    every = [*rows["train"], *rows["validation"]]
    assert all(question.strip() and answer.strip() for question, answer in every)
    questions = [question.casefold() for question, _ in every]
    assert len(questions) == len(set(questions))


def test_every_answer_has_two_phrasings_and_one_held_out(
    rows: dict[str, list[tuple[str, str]]],
) -> None:
    phrasings = defaultdict(list)
    for question, answer in rows["train"]:
        phrasings[answer].append(question)
    assert all(len(questions) >= 2 for questions in phrasings.values())
    assert sorted(answer for _, answer in rows["validation"]) == sorted(phrasings)


def test_the_card_counts_right(rows: dict[str, list[tuple[str, str]]]) -> None:
    card = (_FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"({len(rows['train'])} rows)" in card
    assert f"({len(rows['validation'])} rows)" in card
    assert f"{len({answer for _, answer in rows['train']})} answers" in card


def test_what_the_answers_name_exists(rows: dict[str, list[tuple[str, str]]]) -> None:
    text = "\n".join(answer for _, answer in rows["train"])
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake (?:-s )?([a-z]+)", text))
    assert targets
    assert targets <= set(re.findall(r"^([a-z]+)\b.*:", makefile, re.M)) | {"targets"}
    commands = set(re.findall(r"\bseq2seq ([a-z]+)", text))
    assert commands
    assert commands <= set(_COMMANDS)
    words = set(re.findall(r"(?<![\w.])/[a-z]+", text))
    assert words
    assert words <= set(Commands(cast(ChatSession, None)).purposes)
    files = re.findall(r"(?:configs|docs)/[a-z_.]*[a-z]", text)
    assert files
    assert [file for file in files if not (_ROOT / file).exists() and "x.yaml" not in file] == []
    settings = re.findall(r"/settings ([a-z_]+)", text)
    assert set(settings) <= set(SETTINGS)


@pytest.mark.slow
def test_a_bot_of_it_finds_its_answers(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(_ROOT / "data")
    config = str(_ROOT / "configs" / "faq.yaml")
    trained = seq2seq("train", "--config", config, cwd=tmp_path)
    assert trained.code == DONE, trained.err
    questions = [question for question, _ in read("validation")]
    talked = seq2seq(
        *("chat", "runs/faq/model", "--retrieve", "--retrieve-above", "0", "--unsure-below", "1"),
        stdin="\n".join(questions).encode(),
        cwd=tmp_path,
    )
    assert talked.code == DONE, talked.err
    assert "98 questions" in talked.err
    answers = [answer for _, answer in read("validation")]
    found = talked.out.splitlines()
    right = sum(one == other for one, other in zip(found, answers, strict=True))
    assert right / len(answers) >= 0.6
    again = seq2seq("chat", "runs/faq/model", "--retrieve", stdin=b"/quit\n", cwd=tmp_path)
    assert again.err == ""
