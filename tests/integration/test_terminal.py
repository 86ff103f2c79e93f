"""The chat in a real terminal; `python -m benchmarks.terminal MODEL` shows the screens."""

import shutil
from pathlib import Path

import pytest

from benchmarks.terminal import chat, replied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


def test_korean_is_typed_taken_back_and_replied_to(tiny_chat_folder: Path) -> None:
    with chat(tiny_chat_folder, "--max-tokens", "4", columns=40) as terminal:
        terminal.type("안녕하세요🙂")
        terminal.press("BSpace", "BSpace")
        typed = terminal.wait_for(lambda screen: "you: 안녕하세\n" in screen)
        assert "you: 안녕하세\n" in typed
        terminal.say("요")
        screen = terminal.wait_for(replied(1))
        assert "you: 안녕하세요\n" in screen
        assert "Traceback" not in screen


def test_ten_thousand_pasted_characters_are_one_message(tiny_chat_folder: Path) -> None:
    with chat(tiny_chat_folder, "--max-tokens", "4") as terminal:
        terminal.paste(("안녕하세요 hello 🙂 " * 700)[:9_999] + "\n끝")
        terminal.press("Enter")
        assert terminal.wait_for(replied(1), history=True).count("bot:") == 1
        terminal.say("/undo")
        screen = terminal.wait_for(lambda screen: "taken back: 안녕하세요" in screen)
        assert "taken back: 안녕하세요 hello" in screen


def test_ctrl_c_stops_a_reply(tiny_chat_folder: Path) -> None:
    endless = ("--temperature", "3", "--min-tokens", "20000", "--max-tokens", "20000")
    with chat(tiny_chat_folder, *endless) as terminal:
        terminal.say("hello")
        terminal.wait_for(lambda screen: len(screen.partition("bot:")[2].strip()) > 20)
        terminal.resize(40)
        terminal.press("C-c")
        # With its history, since there a line is whole that the narrow window breaks in two.
        assert "(stopped)" in terminal.wait_for(lambda seen: "(stopped)" in seen, history=True)
