"""The chat at a terminal: reads lines, shows replies as they come. Decides nothing itself."""

import os
import sys
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
from prompt_toolkit.styles import Style

from pipeline.chat import ChatSession
from pipeline.cli.chat_commands import SETTINGS, Commands
from pipeline.errors import UserError
from pipeline.text import normalize

# prompt_toolkit leaves the colours out where NO_COLOR is set.
_STYLE = Style.from_dict(
    {
        "you": "ansicyan bold",
        "bot": "ansigreen bold",
        "error": "ansired",
        "source": "ansibrightblack",
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
        # Only for a command, since the menu takes room that a conversation has better use for.
        complete_while_typing=Condition(lambda: prompt.default_buffer.text.startswith("/")),
    )
    _say(f"{name}\n/help for commands, Ctrl-D to leave")
    with _type_ahead():
        goes_on = True
        while goes_on:
            try:
                goes_on = _take(prompt.prompt().rstrip(), session, commands)
            except EOFError:
                goes_on = False
            except KeyboardInterrupt:
                _say("(Ctrl-D or /quit to leave)")
            except UserError as error:
                _say(" ".join(str(error).split()), "class:error")


def _take(line: str, session: ChatSession, commands: Commands) -> bool:
    """Do what the line asks; False when it asks to leave."""
    # A pasted text of several lines is a message, whatever it begins with.
    if line.startswith("/") and "\n" not in line:
        outcome = commands.run(line)
        if outcome.text:
            _say(outcome.text)
        if outcome.reply:
            _show(outcome.reply)
            _show_source(session)
        return not outcome.leaves
    if message := normalize(line):
        _show(session.stream(message))
        _show_source(session)
    return True


def _show(reply: Generator[str, None, None]) -> None:
    """Show a reply as it comes; Ctrl-C stops it, and the session keeps what came."""
    _say("bot: ", "class:bot", end="")
    said = ""
    try:
        with closing(reply):
            for piece in reply:
                said += piece
                _say(piece, end="")
    except KeyboardInterrupt:
        said = "…"
        _say("… (stopped)", end="")
    _say("" if said.strip() else "(no reply)")


def _show_source(session: ChatSession) -> None:
    """The known question whose answer was given, if one was."""
    match = session.last_reply.match if session.last_reply else None
    if match:
        _say(f"from: {match.question} ({match.similarity:.2f})", "class:source")


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


def _completer(commands: Commands) -> Completer:
    purposes, files = commands.purposes, PathCompleter(expanduser=True)
    arguments = {"/settings": dict.fromkeys(SETTINGS), "/save": files, "/save!": files}
    return merge_completers(
        [
            # As a sentence: of words, it would take the slash for one by itself.
            WordCompleter(list(purposes), sentence=True, meta_dict=purposes),
            NestedCompleter.from_nested_dict({**arguments, "/load": files}),
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
