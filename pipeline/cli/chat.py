"""`seq2seq chat`: talk to a chatbot at a terminal, or line by line through a pipe."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.chat_commands import SETTINGS, Commands
from pipeline.cli.main import Parser
from pipeline.errors import DataError, UserError
from pipeline.text import normalize

if TYPE_CHECKING:
    from pipeline.chat import ChatSession


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq chat", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    for name, setting in SETTINGS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=setting.letter,
            type=type(setting.default),
            default=setting.default,
            help=f"{setting.purpose} (default: {setting.default})",
        )
    parser.add_argument(
        "--retrieve",
        nargs="?",
        const="",
        metavar="FILE",
        help="answer known questions word for word: those of the training split, or of FILE",
    )
    options = parser.parse_args(arguments)

    from pipeline.chat import ChatSession, ChatSettings
    from pipeline.model_folder import load_model

    settings = ChatSettings(**{name: getattr(options, name) for name in SETTINGS})
    trained = load_model(options.model)
    index = None
    if options.retrieve is not None:
        from pipeline.cli.question_index import open_index

        index = open_index(trained, Path(options.model), corpus=options.retrieve or None)
    session = ChatSession(trained, settings=settings, index=index)
    if sys.stdin.isatty() and sys.stdout.isatty():
        from pipeline.cli.repl import converse

        converse(session, name=trained.name)
    else:
        answer_lines(session, sys.stdin.buffer)


def answer_lines(session: "ChatSession", lines: Iterable[bytes]) -> None:
    """Print one reply for each line, an empty one for a line without text.

    A command that there is is done; stdout carries replies alone, so what it tells goes to stderr.

    Raises:
        DataError: A line is not UTF-8, or a command cannot be done: a script would not notice.
    """
    commands = Commands(session)
    for number, encoded in enumerate(lines, start=1):
        try:
            line = encoded.decode("utf-8-sig").rstrip()
            if not commands.knows(line):
                message = normalize(line)
                _print_reply(session.stream(message) if message else ())
                continue
            outcome = commands.run(line)
        except UnicodeDecodeError as error:
            raise DataError(
                f"stdin, line {number}: expected UTF-8 text ({error.reason})"
            ) from error
        except UserError as error:
            raise DataError(f"stdin, line {number}: {error}") from error
        if outcome.text:
            print(outcome.text, file=sys.stderr)
        if outcome.reply:
            _print_reply(outcome.reply)
        if outcome.leaves:
            return


def _print_reply(reply: Iterable[str]) -> None:
    # Flushed, since whoever reads may wait for it before writing the next line.
    print(normalize("".join(reply)), flush=True)
