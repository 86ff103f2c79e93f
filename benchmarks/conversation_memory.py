"""What a chatbot keeps of the first turn: a memory that recurs beside a window of the last turns.

    python -m benchmarks.conversation_memory [--json]

Conversations are made in which the user tells three things in the first turn and the bot one of the
same of itself in the second; they talk of others, and the user asks for all four. A model with
`model.memory: recurrent` and one that reads the last pieces only (`data.context_tokens`), equal in
parameters, are trained on the same ones. The figure is the share of new conversations in which the
reply to a question holds what was told (by chance 1 of 8), by the number of exchanges in between;
training has no more than eight. Then the time of an exchange, the second and the 200th.

    python -m benchmarks.conversation_memory --model runs/NAME/model    # only the times, of a model
"""

import argparse
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline import ChatSession, ChatSettings
from pipeline.model_folder import TrainedModel, load_model

_RECIPE = (
    *("--data.tokenizer.vocab_size", "400", "--data.context_tokens", "80"),
    *("--model.embedding_dim", "64", "--model.dropout", "0.1", "--trainer.label_smoothing", "0"),
    *("--trainer.max_steps", "1000", "--trainer.validate_every", "500"),
)
_VARIANTS = {
    "told-window": ("--model.hidden_size", "178"),
    "told-recurrent": ("--model.hidden_size", "128", "--model.memory", "recurrent"),
}
_IN_TRAINING = (0, 1, 2, 4, 6, 8)  # exchanges of small talk
_DISTANCES = (*_IN_TRAINING, 20, 50)  # between telling and asking
_NUM_FACTS = 3
_TRAINING, _HELD_OUT = 4000, 100  # conversations in training; for each distance, to judge by
_MESSAGE, _REPEATS = "how are you today ?", 7
# What can be told; how the user asks for what he told, and for what the bot told, with the answers.
_FACTS = {
    "my name is {} .": (
        ("what is my name ?", "your name is {} ."),
        ("what is your name ?", "my name is {} ."),
    ),
    "i live in {} .": (
        ("where do i live ?", "you live in {} ."),
        ("where do you live ?", "i live in {} ."),
    ),
    "i have a {} .": (
        ("what do i have ?", "you have a {} ."),
        ("what do you have ?", "i have a {} ."),
    ),
    "내 이름은 {} 입니다 .": (
        ("내 이름이 뭐죠 ?", "당신의 이름은 {} 입니다 ."),
        ("당신의 이름이 뭐죠 ?", "내 이름은 {} 입니다 ."),
    ),
}
_VALUES = {
    "my name is {} .": ["anna", "ben", "carla", "david", "emma", "frank", "grace", "henry"],
    "i live in {} .": ["paris", "seoul", "berlin", "rome", "cairo", "lima", "oslo", "tokyo"],
    "i have a {} .": ["dog", "cat", "horse", "bird", "bicycle", "garden", "piano", "boat"],
    "내 이름은 {} 입니다 .": ["민수", "지영", "서준", "하은", "도윤", "수빈", "예진", "현우"],
}
_SMALL_TALK = [
    ("how are you today ?", "i am fine , thank you ."),
    ("what do you do in the evening ?", "i like to read a book ."),
    ("do you like the weather ?", "yes , it is nice outside ."),
    ("did you sleep well ?", "yes , eight hours at least ."),
    ("are you hungry ?", "no , i have just had lunch ."),
    ("shall we watch a film tonight ?", "that is a good idea ."),
    ("how was your weekend ?", "quiet , i stayed at home ."),
    ("do you like music ?", "yes , i listen to it all day ."),
    ("오늘 날씨가 좋네요 .", "네 , 산책하기 좋은 날이에요 ."),
    ("점심은 드셨어요 ?", "네 , 맛있게 먹었어요 ."),
    ("요즘 어떻게 지내세요 ?", "잘 지내고 있어요 ."),
    ("커피 한 잔 할까요 ?", "좋아요 , 같이 가요 ."),
]


def conversation(draw: random.Random) -> list[str]:
    """One for training: all that was told is asked for, at any time."""
    told, asked = _told(draw)
    talk = draw.sample(_SMALL_TALK, draw.choice(_IN_TRAINING))
    for question, answer, _ in asked:
        talk.insert(draw.randrange(len(talk) + 1), (question, answer))
    return [*told, *itertools.chain.from_iterable(talk)]


def recall(session: ChatSession, distance: int) -> float:
    """Share of new conversations whose last reply holds what was told, 0 to 1."""
    draw = random.Random(f"held out {distance}")
    num_recalled = 0
    for _ in range(_HELD_OUT):
        told, asked = _told(draw)
        question, _, value = draw.choice(asked)
        turns = [*told, *itertools.chain.from_iterable(draw.choices(_SMALL_TALK, k=distance))]
        session.load_json(json.dumps({"turns": turns, "settings": {}}))
        num_recalled += value in session.reply(question)
    return num_recalled / _HELD_OUT


def _told(draw: random.Random) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The first two turns; then the questions, their answers, and what these have to hold."""
    facts = draw.sample(list(_FACTS), _NUM_FACTS)
    values = [draw.choice(_VALUES[fact]) for fact in facts]
    its_own = draw.choice([value for value in _VALUES[facts[0]] if value != values[0]])
    told = [
        " ".join(fact.format(value) for fact, value in zip(facts, values, strict=True)),
        f"i see . {facts[0].format(its_own)}",
    ]
    asked = [(_FACTS[facts[0]][1], its_own)]
    asked += [(_FACTS[fact][0], value) for fact, value in zip(facts, values, strict=True)]
    return told, [(question, answer.format(value), value) for (question, answer), value in asked]


def milliseconds_a_turn(trained: TrainedModel, turns: Sequence[int]) -> dict[int, float]:
    """Median time of an exchange from each of these on, a reply of one piece, in ms.

    They are taken in turn, so that what else the machine does falls on all of them alike.
    """
    times: dict[int, list[float]] = {turn: [] for turn in turns}
    for _ in range(_REPEATS):
        for turn in turns:
            session = ChatSession(trained, settings=ChatSettings(max_tokens=1))
            for _ in range(turn - 1):
                session.reply(_MESSAGE)
            for _ in range(_REPEATS):
                started = time.perf_counter()
                session.reply(_MESSAGE)
                times[turn].append(1000 * (time.perf_counter() - started))
    return {turn: statistics.median(each) for turn, each in times.items()}


def train(name: str, folder: Path, options: Sequence[str]) -> Path:
    """Train a chatbot on the made conversations, unless it was; gives its model folder."""
    command = ["train", "--name", name, "--data.path", str(folder), "--data.dialogue", "turns"]
    subprocess.run(
        [sys.executable, "-m", "pipeline", *command, *_RECIPE, *options],
        check=True,
        stdout=sys.stderr,
    )
    return Path("runs") / name / "model"


def write_corpus(folder: Path) -> None:
    """Conversations, told apart by split."""
    for split, num in (("train", _TRAINING), ("validation", _HELD_OUT)):
        draw = random.Random(split)
        rows = [conversation(draw) for _ in range(num)]
        lines = [json.dumps({"turns": turns}, ensure_ascii=False) + "\n" for turns in rows]
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Train both, and print what they recall and what an exchange costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a trained chat model: its times alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.model:
        models = {options.model: Path(options.model)}
    else:
        folder = Path("runs") / "told-corpus"
        folder.mkdir(parents=True, exist_ok=True)
        write_corpus(folder)
        models = {name: train(name, folder, words) for name, words in _VARIANTS.items()}
    rows = []
    for name, path in models.items():
        trained = load_model(path)
        row: dict[str, Any] = {
            "model": name,
            "parameters": sum(each.numel() for each in trained.network.parameters()),
        }
        if not options.model:
            for distance in _DISTANCES:
                row[f"recall_{distance}"] = recall(ChatSession(trained), distance)
        for turn, milliseconds in milliseconds_a_turn(trained, (2, 200)).items():
            row[f"milliseconds_{turn}"] = milliseconds
        rows.append(row)
        if not options.json:
            print(" | ".join(f"{key} {_shown(value)}" for key, value in row.items()), flush=True)
    if options.json:
        print(json.dumps(rows))


def _shown(value: float | int | str) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else value
    )


if __name__ == "__main__":
    main()
