"""`seq2seq chat`: talk to a chatbot at a terminal, or line by line through a pipe."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.chat_commands import Commands
from pipeline.cli.chat_options import add_chat_options, chat_settings
from pipeline.cli.main import Parser
from pipeline.errors import ConfigError, DataError, UserError
from pipeline.text import normalize

if TYPE_CHECKING:
    from pipeline.chat import ChatSession


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq chat", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    add_chat_options(parser)
    parser.add_argument(
        "--retrieve",
        nargs="?",
        const="",
        metavar="FILE",
        help="answer known questions word for word: those of the training split, or of FILE",
    )
    parser.add_argument(
        "--reverse",
        metavar="MODEL",
        help="a model from reply to message, by which the best of several replies is found",
    )
    parser.add_argument(
        "--blocklist", metavar="FILE", help="what is never said: a word or phrase a line"
    )
    parser.add_argument(
        "--self-chat", metavar="N", type=int, help="let the model talk to itself for N turns"
    )
    parser.add_argument("--with", metavar="MODEL", dest="other", help="or to this one")
    parser.add_argument("--opening", metavar="TEXT", default="hello", help="default: hello")
    options = parser.parse_args(arguments)
    if options.self_chat is not None and options.self_chat < 1:
        raise ConfigError(f"--self-chat: expected 1 or more, got {options.self_chat}")
    if options.other and options.self_chat is None:
        raise ConfigError("--with: expected --self-chat N beside it")

    from pipeline.chat import Blocklist, ChatSession
    from pipeline.model_folder import load_model

    settings = chat_settings(options)
    trained = load_model(options.model)
    reverse = load_model(options.reverse) if options.reverse else None
    blocklist = Blocklist.from_file(options.blocklist) if options.blocklist else None
    index = None
    if options.retrieve is not None:
        from pipeline.cli.question_index import open_index

        index = open_index(trained, Path(options.model), corpus=options.retrieve or None)
    session = ChatSession(
        trained, settings=settings, index=index, reverse=reverse, blocklist=blocklist
    )
    if options.self_chat:
        other = ChatSession(
            load_model(options.other) if options.other else trained,
            settings=replace(settings, seed=settings.seed + 1),
            blocklist=blocklist,
        )
        _talk_alone(session, other, opening=options.opening, num_turns=options.self_chat)
    elif sys.stdin.isatty() and sys.stdout.isatty():
        from pipeline.cli.repl import converse

        converse(session, name=trained.name)
    else:
        answer_lines(session, sys.stdin.buffer)


def _talk_alone(one: "ChatSession", other: "ChatSession", *, opening: str, num_turns: int) -> None:
    from pipeline.chat import self_chat

    print(opening, flush=True)
    said = 0
    for turn in self_chat(one, other, opening=opening, num_turns=num_turns):
        print(normalize(turn), flush=True)
        said += 1
    if said < num_turns:
        print(f"stopped after {said} turns: the last one was said three times", file=sys.stderr)


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
            if outcome.draft is not None:
                raise ConfigError("/edit: expected at a terminal only")
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
