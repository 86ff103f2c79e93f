"""What can be typed in a chat besides messages: a line in, an effect on the session and a text out.

It reads no terminal and prints nothing. It also imports no torch, so that `--help` comes at once.
"""

import difflib
from collections.abc import Callable, Collection, Generator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import ConfigError, DataError
from pipeline.text import replace_surrogates

if TYPE_CHECKING:
    from pipeline.chat import ChatSession, ChatSettings

RETRY_TEMPERATURE = 0.8
"""For a `/retry` where the settings have 0, which would only say the same again."""


class Setting(NamedTuple):
    """A field of `ChatSettings` as a person sets it; its default is repeated for `--help`."""

    letter: str
    default: int | float
    purpose: str


SETTINGS = {
    "temperature": Setting("T", 0.0, "0: always the same; 1: varied"),
    "top_k": Setting("K", 0, "draw from the K likeliest tokens; 0: all"),
    "top_p": Setting("P", 1.0, "draw from the likeliest with this probability; 1: all"),
    "max_tokens": Setting("N", 60, "tokens in a reply at most"),
    "seed": Setting("S", 0, "where the randomness begins"),
    "retrieve_above": Setting("X", 0.55, "with --retrieve: how like a known question, 0 to 1"),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a command: a text to tell, a reply to show as it is generated, or the end."""

    text: str = ""
    reply: Generator[str, None, None] | None = None
    leaves: bool = False


class _Command(NamedTuple):
    argument: str
    purpose: str
    run: Callable[[str], Outcome]


class Commands:
    """The commands on one session; each begins with a slash."""

    def __init__(self, session: "ChatSession") -> None:
        self._session = session
        self._num_retries = 0
        self._table = {
            "/help": _Command("", "list the commands", self._help),
            "/reset": _Command("", "forget what was said", self._reset),
            "/undo": _Command("", "take the last message back", self._undo),
            "/retry": _Command("", "another reply to it", self._retry),
            "/settings": _Command("[NAME VALUE]", "list, or set", self._settings),
            "/save": _Command("FILE", "keep the chat in a file", partial(self._save, over=False)),
            "/save!": _Command("FILE", "also over an old one", partial(self._save, over=True)),
            "/load": _Command("FILE", "go on with a saved chat", self._load),
            "/quit": _Command("", "leave, as Ctrl-D does", lambda _: Outcome(leaves=True)),
        }

    @property
    def purposes(self) -> dict[str, str]:
        """The commands, and what each is for."""
        return {word: command.purpose for word, command in self._table.items()}

    def knows(self, line: str) -> bool:
        """Whether the line begins with a command that there is."""
        return line.partition(" ")[0] in self._table

    def run(self, line: str) -> Outcome:
        """Do what the line says.

        Raises:
            ConfigError: There is no such command, or it cannot be given so.
            DataError: A file cannot be read or written, or is not a saved chat.
        """
        word, _, argument = line.partition(" ")
        if word not in self._table:
            raise ConfigError(f"no command {_excerpt(word)}{_nearest(word, self._table)}")
        argument, command = argument.strip(), self._table[word]
        if argument and not command.argument:
            raise ConfigError(f"{word}: expected nothing after it, got '{_excerpt(argument)}'")
        if command.argument == "FILE" and not argument:
            raise ConfigError(f"{word}: expected {word} FILE")
        return command.run(argument)

    def _help(self, _: str) -> Outcome:
        rows = [(f"{word} {each.argument}", each.purpose) for word, each in self._table.items()]
        lines = [f"{usage:<12} {purpose}" for usage, purpose in rows]
        return Outcome(text="\n".join([*lines, "A space before the slash makes it a message."]))

    def _reset(self, _: str) -> Outcome:
        self._session.reset()
        return Outcome(text="forgotten: the chat begins anew")

    def _undo(self, _: str) -> Outcome:
        message = self._session.undo()
        if message is None:
            return Outcome(text="nothing to take back")
        return Outcome(text=f"taken back: {_excerpt(message)}")

    def _retry(self, _: str) -> Outcome:
        if not self._session.turns:
            return Outcome(text="nothing to reply to yet")
        settings = self._session.settings
        if settings.temperature:
            return Outcome(reply=self._session.stream(self._session.undo() or "", retrieve=False))
        # A seed begins its randomness anew, so each retry has one of its own.
        self._num_retries += 1
        seed = settings.seed + self._num_retries
        settings = replace(settings, temperature=RETRY_TEMPERATURE, seed=seed)
        return Outcome(
            text=f"(temperature {RETRY_TEMPERATURE}: at 0 it would be the same)",
            reply=self._reply_anew(settings),
        )

    def _reply_anew(self, settings: "ChatSettings") -> Generator[str, None, None]:
        usual, self._session.settings = self._session.settings, settings
        try:
            yield from self._session.stream(self._session.undo() or "", retrieve=False)
        finally:
            self._session.settings = usual

    def _settings(self, argument: str) -> Outcome:
        values = asdict(self._session.settings)
        name, _, text = argument.replace("=", " ").partition(" ")
        name = name.replace("-", "_")
        if not name:
            rows = [f"{name:<14} {values[name]:<5} {SETTINGS[name].purpose}" for name in SETTINGS]
            return Outcome(text="\n".join(rows))
        if name not in SETTINGS:
            raise ConfigError(f"no setting {_excerpt(name)}{_nearest(name, SETTINGS)}")
        if text:
            values[name] = _number(name, text.strip())
            self._session.settings = replace(self._session.settings, **values)
        return Outcome(text=f"{name} {values[name]}")

    def _save(self, argument: str, *, over: bool) -> Outcome:
        content = replace_surrogates(self._session.to_json()).encode()
        try:
            path = Path(argument).expanduser()
            if path.exists() and not over:
                raise DataError(f"{path}: exists already; /save! FILE writes over it")
            unfinished = path.with_name(path.name + ".partial")
            try:
                unfinished.write_bytes(content)
                unfinished.replace(path)  # in one move: never half a file, nor the old one lost
            finally:
                unfinished.unlink(missing_ok=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"{argument}: cannot be written ({_reason(error)})") from error
        return Outcome(text=f"saved in {path}")

    def _load(self, argument: str) -> Outcome:
        try:
            self._session.load_json(Path(argument).expanduser().read_bytes().decode())
        except DataError as error:
            raise DataError(f"{argument}: {error}") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"{argument}: cannot be read ({_reason(error)})") from error
        num_messages = len(self._session.turns) // 2
        return Outcome(text=f"loaded, with its settings; messages: {num_messages}")


def _number(name: str, text: str) -> int | float:
    kind = type(SETTINGS[name].default)
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name}: expected {expected}, got '{_excerpt(text)}'") from None


def _nearest(word: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(word[:100], known, n=1, cutoff=0.5)
    return f"; the nearest is {nearest[0]}" if nearest else f"; expected one of {', '.join(known)}"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _excerpt(text: str, max_length: int = 60) -> str:
    """The text in one line that a window holds: a message may be pages long."""
    text = " ".join(text[: max_length + 1].split())
    return text if len(text) <= max_length else text[:max_length] + "…"
