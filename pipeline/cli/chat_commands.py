"""What can be typed in a chat besides messages: a line in, an effect on the session and a text out.

It reads no terminal and prints nothing. It also imports no torch, so that `--help` comes at once.
"""

import difflib
from collections.abc import Callable, Collection, Generator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pipeline.cli import chat_files
from pipeline.cli.chat_options import SETTINGS
from pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pipeline.chat import ChatSession, ChatSettings

RETRY_TEMPERATURE = 0.8
"""For a `/retry` where the settings have 0, which would only say the same again."""
_NUM_ALTERNATIVES, _NUM_NEAREST = 5, 3
_LIKELY, _POSSIBLE = 0.5, 0.1
_HINTS = ("Alt-Enter begins a new line.", "A space before a slash: a message.")
Styled = tuple[tuple[str, str], ...]
"""Pieces of text, each with the name of its style."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a command.

    Attributes:
        styled: What to tell.
        reply: A reply to show as it is generated.
        draft: A message to be changed by the person who typed it.
        leaves: Whether the chat ends.
    """

    styled: Styled = ()
    reply: Generator[str, None, None] | None = None
    draft: str | None = None
    leaves: bool = False

    @property
    def text(self) -> str:
        """What to tell, without style."""
        return "".join(text for _, text in self.styled)


def _told(text: str) -> Outcome:
    return Outcome(styled=(("", text),))


class _Command(NamedTuple):
    argument: str
    purpose: str
    run: Callable[[str], Outcome]


class Commands:
    """The commands on one session; each begins with a slash."""

    def __init__(self, session: "ChatSession") -> None:
        self._session = session
        self._num_retries = 0
        self.shows_times = True
        self._table = {
            "/help": _Command("", "list the commands", self._help),
            "/retry": _Command("", "another reply", self._retry),
            "/alternatives": _Command("[N]", "N other replies", self._alternatives),
            "/why": _Command("", "why this reply", self._why),
            "/edit": _Command("", "change the message", self._edit),
            "/undo": _Command("", "take the message back", self._undo),
            "/reset": _Command("", "forget what was said", self._reset),
            "/settings": _Command("[NAME X]", "list, or set", self._settings),
            "/times": _Command("", "show them, or not", self._times),
            "/save": _Command("FILE", "keep the chat", partial(self._save, over=False)),
            "/save!": _Command("FILE", "over an old file", partial(self._save, over=True)),
            "/load": _Command("FILE", "go on with that", self._load),
            "/transcript": _Command("FILE", "as .md or .jsonl", self._transcript),
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
            nearest = _nearest(word, self._table) or "; /help lists the commands"
            raise ConfigError(f"no command {_excerpt(word)}{nearest}")
        argument, command = argument.strip(), self._table[word]
        if argument and not command.argument:
            raise ConfigError(f"{word}: expected nothing after it, got '{_excerpt(argument)}'")
        if command.argument == "FILE" and not argument:
            raise ConfigError(f"{word}: expected {word} FILE")
        return command.run(argument)

    def _help(self, _: str) -> Outcome:
        rows = [(f"{word} {each.argument}", each.purpose) for word, each in self._table.items()]
        width = max(len(usage) for usage, _ in rows)
        lines = [f"{usage:<{width}} {purpose}" for usage, purpose in rows]
        return _told("\n".join([*lines, *_HINTS]))

    def _reset(self, _: str) -> Outcome:
        self._session.reset()
        return _told("forgotten: the chat begins anew")

    def _undo(self, _: str) -> Outcome:
        message = self._session.undo()
        if message is None:
            return _told("nothing to take back")
        return _told(f"taken back: {_excerpt(message)}")

    def _retry(self, _: str) -> Outcome:
        if not self._session.turns:
            return _told("nothing to reply to yet")
        settings = self._session.settings
        if settings.temperature:
            return Outcome(reply=self._session.stream(self._session.undo() or "", retrieve=False))
        # A seed begins its randomness anew, so each retry has one of its own.
        self._num_retries += 1
        seed = settings.seed + self._num_retries
        settings = replace(settings, temperature=RETRY_TEMPERATURE, seed=seed)
        return Outcome(
            styled=(("", f"(temperature {RETRY_TEMPERATURE}: at 0 it would be the same)"),),
            reply=self._reply_anew(settings),
        )

    def _reply_anew(self, settings: "ChatSettings") -> Generator[str, None, None]:
        usual, self._session.settings = self._session.settings, settings
        try:
            yield from self._session.stream(self._session.undo() or "", retrieve=False)
        finally:
            self._session.settings = usual

    def _alternatives(self, argument: str) -> Outcome:
        num_replies = _whole_number("/alternatives", argument) if argument else _NUM_ALTERNATIVES
        found = self._session.alternatives(num_replies)
        if not found:
            return _told("no other reply" if self._session.turns else "nothing to reply to yet")
        styled = []
        for candidate in found:
            text = " ".join(candidate.text.split())
            styled += [("class:dim", f"{candidate.log_prob:6.1f} "), ("", f"{text}\n")]
        return Outcome(styled=(*styled, ("class:dim", "(log-probability in nats)")))

    def _why(self, _: str) -> Outcome:
        reply = self._session.last_reply
        if reply is not None and reply.match is not None:
            return self._why_retrieved()
        pieces = self._session.explain()
        if not pieces:
            return _told("nothing was generated")
        from prompt_toolkit.utils import get_cwidth

        width = max(get_cwidth(piece.text) for piece in pieces)
        styled = []
        for piece in pieces:
            padding = " " * (width - get_cwidth(piece.text))
            places = ", ".join(place for place, _ in piece.attended)
            styled += [
                (_likelihood_style(piece.probability), f"{piece.probability:4.0%} {piece.text}"),
                ("class:dim", f"{padding}  ← {places}\n" if places else "\n"),
            ]
        return Outcome(styled=(*styled, ("class:dim", "(probability, piece ← looked at)")))

    def _why_retrieved(self) -> Outcome:
        styled = []
        for match in self._session.nearest(_NUM_NEAREST):
            styled += [
                ("class:dim", f"{match.similarity:.2f} row {match.row}: "),
                ("", f"{match.question} → {match.answer}\n"),
            ]
        return Outcome(styled=(*styled, ("class:dim", "(known questions, by similarity)")))

    def _edit(self, _: str) -> Outcome:
        if not self._session.turns:
            return _told("nothing to change yet")
        return Outcome(draft=self._session.turns[-2])

    def _times(self, _: str) -> Outcome:
        self.shows_times = not self.shows_times
        return _told("times are shown" if self.shows_times else "times are not shown")

    def _settings(self, argument: str) -> Outcome:
        values = asdict(self._session.settings)
        name, _, text = argument.replace("=", " ").partition(" ")
        name = name.replace("-", "_")
        if not name:
            width = max(map(len, SETTINGS))
            rows = [
                f"{name:<{width}} {values[name]:<5} {SETTINGS[name].purpose}" for name in SETTINGS
            ]
            return _told("\n".join(rows))
        if name not in SETTINGS:
            nearest = _nearest(name, SETTINGS) or f"; expected one of {', '.join(SETTINGS)}"
            raise ConfigError(f"no setting {_excerpt(name)}{nearest}")
        if text:
            values[name] = _number(name, text.strip())
            self._session.settings = replace(self._session.settings, **values)
        return _told(f"{name} {values[name]}")

    def _save(self, argument: str, *, over: bool) -> Outcome:
        content = self._session.to_json()
        advice = "/save! FILE writes over it"
        return _told(
            f"saved in {chat_files.write_new(argument, content, advice=advice, over=over)}"
        )

    def _load(self, argument: str) -> Outcome:
        try:
            self._session.load_json(chat_files.read(argument))
        except DataError as error:
            raise DataError(
                str(error) if str(error).startswith(argument) else f"{argument}: {error}"
            ) from error
        num_messages = len(self._session.turns) // 2
        return _told(f"loaded, with its settings; messages: {num_messages}")

    def _transcript(self, argument: str) -> Outcome:
        text = chat_files.transcript(self._session.turns, argument)
        path = chat_files.write_new(argument, text, advice="choose another name")
        return _told(f"written to {path}")


def _likelihood_style(probability: float) -> str:
    if probability >= _LIKELY:
        return "class:likely"
    return "class:possible" if probability >= _POSSIBLE else "class:unlikely"


def _whole_number(word: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{word}: expected a whole number, got '{_excerpt(text)}'") from None


def _number(name: str, text: str) -> int | float:
    kind = type(SETTINGS[name].default)
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name}: expected {expected}, got '{_excerpt(text)}'") from None


def _nearest(word: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(word[:100], known, n=1, cutoff=0.5)
    return f"; the nearest is {nearest[0]}" if nearest else ""


def _excerpt(text: str, max_length: int = 60) -> str:
    """The text in one line that a window holds: a message may be pages long."""
    text = " ".join(text[: max_length + 1].split())
    return text if len(text) <= max_length else text[:max_length] + "…"
