"""The chat at a terminal: reads lines, shows replies as they come. Decides nothing itself."""

import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import get_app_session
from prompt_toolkit.completion import (
    Completer,
    NestedCompleter,
    PathCompleter,
    WordCompleter,
    merge_completers,
)
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from pipeline.chat import ChatSession
from pipeline.cli.chat_commands import Commands, Outcome, Styled
from pipeline.cli.chat_options import SETTINGS
from pipeline.errors import UserError
from pipeline.text import normalize

# prompt_toolkit leaves the colours out where NO_COLOR is set.
_STYLE = Style.from_dict(
    {
        "you": "ansicyan bold",
        "bot": "ansigreen bold",
        "error": "ansired",
        "dim": "ansibrightblack",
        "likely": "ansigreen",
        "possible": "ansiyellow",
        "unlikely": "ansired",
    }
)


def converse(session: ChatSession, *, name: str, history: History | None = None) -> None:
    """Talk until the user leaves.

    Args:
        session: The conversation.
        name: The model's name, for the welcome.
        history: What was typed earlier; by default it is kept in the user's state folder.
    """
    commands = Commands(session)
    prompt: PromptSession[str] = PromptSession(
        [("class:you", "you: ")],
        style=_STYLE,
        history=history or _file_history(),
        completer=_completer(commands),
        key_bindings=_key_bindings(),
        # Only for a command, since the menu takes room that a conversation has better use for.
        complete_while_typing=Condition(lambda: prompt.default_buffer.text.startswith("/")),
    )
    _say(f"{name}\n/help for commands, Ctrl-D to leave")
    with _type_ahead():
        goes_on = True
        while goes_on:
            try:
                line = prompt.prompt().rstrip()
                outcome = _command(line, session, commands)
                if outcome.draft is not None:
                    line = prompt.prompt(default=outcome.draft)
                    if normalize(line):
                        session.undo()
                        _reply(line, session, commands)
                elif not _is_command(line):
                    _reply(line, session, commands)
                goes_on = not outcome.leaves
            except EOFError:
                goes_on = False
            except KeyboardInterrupt:
                _say("(Ctrl-D or /quit to leave)")
            except UserError as error:
                _say(" ".join(str(error).split()), "class:error")


def _is_command(line: str) -> bool:
    # A pasted text of several lines is a message, whatever it begins with.
    return line.startswith("/") and "\n" not in line


def _command(line: str, session: ChatSession, commands: Commands) -> Outcome:
    """Do what the line asks, if it is a command."""
    if not _is_command(line):
        return Outcome()
    outcome = commands.run(line)
    if outcome.styled:
        _say_styled(outcome.styled)
    if outcome.reply:
        _show(outcome.reply, session, shows_times=commands.shows_times)
    return outcome


def _reply(line: str, session: ChatSession, commands: Commands) -> None:
    if message := normalize(line):
        _show(session.stream(message), session, shows_times=commands.shows_times)


def _show(reply: Generator[str, None, None], session: ChatSession, *, shows_times: bool) -> None:
    """Show a reply as it comes; Ctrl-C stops it, and the session keeps what came."""
    _say("bot: ", "class:bot", end="")
    said, first, started = "", 0.0, time.perf_counter()
    try:
        with closing(reply):
            for piece in reply:
                first = first or time.perf_counter() - started
                said += piece
                _say(piece, end="")
    except KeyboardInterrupt:
        said = "…"
        _say("… (stopped)", end="")
    _say("" if said.strip() else "(no reply)")
    match = session.last_reply.match if session.last_reply else None
    if match:
        _say(f"(from: {match.question}, {match.similarity:.2f})", "class:dim")
    if shows_times and first:
        whole = time.perf_counter() - started
        _say(f"({1000 * first:.0f} ms to the first piece, {1000 * whole:.0f} in all)", "class:dim")


def _say_styled(styled: Styled) -> None:
    print_formatted_text(FormattedText([*styled]), style=_STYLE, flush=True)


def _say(text: str, style: str = "", end: str = "\n") -> None:
    print_formatted_text(FormattedText([(style, text)]), style=_STYLE, end=end, flush=True)


@contextmanager
def _type_ahead() -> Iterator[None]:
    """Let what is typed before a prompt wait for it, instead of appearing amid a reply."""
    terminal = get_app_session().input.fileno()
    if sys.platform == "win32" or not os.isatty(terminal):
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSANOW)  # Ctrl-C still interrupts, Ctrl-D waits as well
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _key_bindings() -> KeyBindings:
    """Alt-Enter begins a new line of the same message."""
    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def _completer(commands: Commands) -> Completer:
    purposes, files = commands.purposes, PathCompleter(expanduser=True)
    arguments = {
        "/settings": dict.fromkeys(SETTINGS),
        **dict.fromkeys(("/save", "/save!", "/load", "/transcript"), files),
    }
    return merge_completers(
        [
            # As a sentence: of words, it would take the slash for one by itself.
            WordCompleter(list(purposes), sentence=True, meta_dict=purposes),
            NestedCompleter.from_nested_dict(arguments),
        ],
        deduplicate=True,
    )


def _file_history() -> History:
    """What was typed in earlier chats; in memory only where no file can be kept."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        path = state / "seq2seq" / "chat_history"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # for the user's eyes alone
    except (OSError, RuntimeError):
        return InMemoryHistory()
    return FileHistory(path)
