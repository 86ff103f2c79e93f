"""`seq2seq translate`: one line in, one line out, in order, empty lines kept."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from pipeline.cli.main import Parser
from pipeline.errors import DataError

_LINES_AT_A_TIME = 1024


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq translate", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("file", nargs="?", default="-", help="text, a sentence a line; - is stdin")
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    options = parser.parse_args(arguments)
    if options.file != "-" and not Path(options.file).is_file():
        raise DataError(f"{options.file}: no such file")

    from pipeline.translator import Translator

    translator = Translator.from_pretrained(options.model)
    with sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as stream:
        # A person at a terminal wants the answer to a line before typing the next.
        lines_at_a_time = 1 if stream.isatty() else _LINES_AT_A_TIME
        lines = _decoded(stream, options.file)
        while chunk := list(islice(lines, lines_at_a_time)):
            translations = translator.translate(
                chunk, batch_size=options.batch_size, beam_size=options.beam_size
            )
            sys.stdout.write("".join(f"{translation}\n" for translation in translations))
            sys.stdout.flush()


def _decoded(stream: IO[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            where = "stdin" if name == "-" else name
            raise DataError(
                f"{where}, line {number}: expected UTF-8 text ({error.reason})"
            ) from error
