"""The chat driven in a real terminal, by tmux: what a person types, and what the screen shows.

    python -m benchmarks.terminal MODEL

Prints each screen as it was captured, what was looked for in it, and whether it was there. Ends
with 1 if something was not, and with 2 without tmux.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 60.0  # seconds, on a machine that does other things as well
_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m")
_LONG = "안녕하세요 hello 🙂 "


class Terminal:
    """A window of tmux with a program in it.

    Args:
        command: What runs there.
        columns: Width of the window.
        environment: Added to that of this process.
    """

    def __init__(self, command: str, *, columns: int, environment: dict[str, str]) -> None:
        self._socket = f"seq2seq-{uuid.uuid4().hex[:8]}"
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        self._tmux(
            *("-u", "new-session", "-d", "-x", str(columns), "-y", "40"),
            f"env {settings} {command}; sleep 100",
        )

    def _tmux(self, *words: str, stdin: str | None = None) -> str:
        found = subprocess.run(
            ["tmux", "-L", self._socket, "-f", "/dev/null", *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by their names: Enter, C-c, BSpace."""
        self._tmux("send-keys", *keys)

    def say(self, text: str) -> None:
        """Type a line."""
        self.type(text)
        self.press("Enter")

    def paste(self, text: str) -> None:
        """Paste, as a terminal does that marks what is pasted."""
        self._tmux("load-buffer", "-", stdin=text)
        self._tmux("paste-buffer", "-p")

    def resize(self, columns: int) -> None:
        """Change the width of the window."""
        self._tmux("resize-window", "-x", str(columns), "-y", "40")

    def screen(self, *, history: bool = False, escapes: bool = False) -> str:
        """What can be seen.

        Args:
            history: Also what has scrolled away; lines that were wrapped are one.
            escapes: With the sequences that colour it.
        """
        options = (("-J", "-S", "-") if history else ()) + (("-e",) if escapes else ())
        return self._tmux("capture-pane", "-p", *options)

    def wait_for(self, is_there: Callable[[str], bool], *, history: bool = False) -> str:
        """The screen, as soon as it shows what is looked for, or after a minute."""
        deadline = time.monotonic() + _PATIENCE
        while not is_there(screen := self.screen(history=history)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return screen

    def close(self) -> None:
        """End the program and the window."""
        self._tmux("kill-server")


@contextmanager
def chat(model: Path, *options: str, columns: int = 80, **environment: str) -> Iterator[Terminal]:
    """A chat in a window of its own, past its welcome."""
    words = [sys.executable, "-m", "pipeline", "chat", str(model), *options]
    home = {"XDG_STATE_HOME": f"/tmp/{uuid.uuid4().hex}", "LC_ALL": "C.UTF-8"}
    terminal = Terminal(shlex.join(words), columns=columns, environment={**home, **environment})
    try:
        terminal.wait_for(lambda screen: "you:" in screen)
        yield terminal
    finally:
        terminal.close()
        shutil.rmtree(home["XDG_STATE_HOME"], ignore_errors=True)


def replied(num_replies: int) -> Callable[[str], bool]:
    """Whether so many replies are there, and the prompt after them."""

    def is_there(screen: str) -> bool:
        lines = [line for line in screen.splitlines() if line.strip()]
        return screen.count("bot:") >= num_replies and lines[-1].startswith("you:")

    return is_there


class Report:
    """What was looked for, and whether it was there."""

    def __init__(self) -> None:
        self.num_missing = 0

    def show(self, title: str, screen: str) -> None:
        """A screen."""
        print(f"\n=== {title}\n" + "\n".join(line for line in screen.splitlines() if line.strip()))

    def check(self, what: str, is_so: bool) -> None:
        """One thing."""
        self.num_missing += not is_so
        print(f"--- {'yes' if is_so else 'NO '}  {what}", flush=True)


def talk_in_korean(model: Path, report: Report) -> None:
    """Syllables and emoji, typed and taken back, in a narrow window."""
    with chat(model, columns=40) as terminal:
        terminal.type("안녕하세요🙂x")
        terminal.press("BSpace", "BSpace", "BSpace")
        typed = terminal.wait_for(lambda screen: "you: 안녕하세\n" in screen)
        report.show("typed, and three characters taken back", typed)
        report.check("a backspace takes one syllable, one emoji", "you: 안녕하세\n" in typed)
        terminal.say("요 🙂")
        screen = terminal.wait_for(replied(1))
        terminal.say(
            "오늘 회사에서 너무 힘들었어요. 집에 가서 쉬고 싶은데 일이 아직 많이 남았어요 😢"
        )
        screen = terminal.wait_for(replied(2))
        terminal.say("/why")
        screen = terminal.wait_for(lambda screen: "(probability" in screen)
        report.show("Korean in 40 columns", screen)
        report.check("no character is broken", "\ufffd" not in screen)
        report.check("two replies", screen.count("bot:") == 2)
        report.check("what was typed can be read", "you: 안녕하세요 🙂" in screen)
        report.check("why", "← " in screen and "%" in screen)
        report.check("there are colours", bool(_COLOUR.search(terminal.screen(escapes=True))))
        terminal.say("/help")
        screen = terminal.wait_for(lambda screen: "a message." in screen)
        report.show("help in 40 columns", screen)
        report.check("help is not wrapped", "A space before a slash: a message." in screen)


def paste_much(model: Path, report: Report) -> None:
    """Ten thousand characters, with line breaks, at once."""
    text = (_LONG * 700)[:9_999] + "\n끝"
    with chat(model) as terminal:
        terminal.paste(text)
        terminal.press("Enter")
        screen = terminal.wait_for(replied(1), history=True)
        report.show(
            "the end of 10,000 pasted characters", "\n".join(screen.splitlines()[-4:])[-700:]
        )
        report.check("one message, one reply", screen.count("bot:") == 1)
        terminal.say("/undo")
        screen = terminal.wait_for(lambda screen: "taken back: 안녕하세요" in screen)
        report.check("it was one message", "taken back: 안녕하세요 hello 🙂" in screen)


def interrupt(model: Path, report: Report) -> None:
    """Ctrl-C in a reply, and a window that changes meanwhile."""
    endless = ("--temperature", "3", "--min-tokens", "5000", "--max-tokens", "5000")
    with chat(model, *endless) as terminal:
        terminal.say("hello")
        terminal.wait_for(lambda screen: len(screen.partition("bot:")[2].strip()) > 60)
        terminal.resize(40)
        terminal.press("C-c")
        screen = terminal.wait_for(
            lambda screen: "(stopped)" in screen and replied(1)(screen), history=True
        )
        report.show("a reply that was stopped, the window narrowed meanwhile", screen)
        report.check("it stops and says so", "(stopped)" in screen)
        terminal.say("/settings max-tokens 3")
        screen = terminal.wait_for(lambda screen: "min_tokens" in screen)
        report.check("a setting that cannot be is refused", "min_tokens: expected" in screen)
        terminal.press("C-d")
        screen = terminal.wait_for(lambda screen: screen.rstrip().endswith("you:"))
        report.check("no traceback", "Traceback" not in screen)


def change_and_colour(model: Path, report: Report) -> None:
    """A message that is changed; no colours where none are wanted."""
    with chat(model, NO_COLOR="1") as terminal:
        terminal.say("안녕")
        terminal.wait_for(replied(1))
        terminal.say("/edit")
        terminal.wait_for(lambda screen: screen.rstrip().endswith("you: 안녕"))
        terminal.say("하세요")
        screen = terminal.wait_for(replied(2))
        coloured = terminal.screen(escapes=True)
        report.show("a message changed, without colours", screen)
        report.check("the old message is in the line to be changed", "you: 안녕하세요" in screen)
        report.check("NO_COLOR leaves the colours out", not _COLOUR.search(coloured))
        terminal.say("/alternatives 3")
        screen = terminal.wait_for(lambda screen: "(log-probability" in screen)
        report.show("alternatives", screen)
        report.check("alternatives", "(log-probability in nats)" in screen)


def main() -> int:
    """Drive, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    if not shutil.which("tmux"):
        print("error: this needs tmux, which is not installed", file=sys.stderr)
        return 2
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    report = Report()
    for scene in (talk_in_korean, paste_much, interrupt, change_and_colour):
        scene(options.model.resolve(), report)
    print(f"\nnot as it should be: {report.num_missing}")
    return int(report.num_missing > 0)


if __name__ == "__main__":
    sys.exit(main())
