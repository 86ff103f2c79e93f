"""`seq2seq translate`: one line in, one line out, in order, empty lines kept."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.cli.lines import answer_lines, require_file
from pipeline.cli.main import Parser
from pipeline.cli.search_options import add_search_options, search_settings

if TYPE_CHECKING:
    from pipeline.translator import Candidate


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq translate", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("file", nargs="?", default="-", help="text, a sentence a line; - is stdin")
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    add_search_options(parser)
    parser.add_argument(
        "--n-best",
        metavar="N",
        type=int,
        help="the N best of a beam, each on a line: number of the source line, score, text",
    )
    options = parser.parse_args(arguments)
    require_file(options.file)
    settings = search_settings(options)
    if options.n_best is not None:
        settings.check_n_best(options.n_best)

    from pipeline.translator import Translator

    translator = Translator.from_pretrained(options.model, ensemble=options.ensemble)
    if options.n_best is None:
        translate = partial(translator.translate, batch_size=options.batch_size, settings=settings)
        answer_lines(options.file, translate)
        return
    numbers = itertools.count(1)

    def n_best(lines: list[str]) -> list[str]:
        found = translator.candidates(
            lines, options.n_best, batch_size=options.batch_size, settings=settings
        )
        numbered = zip(found, itertools.islice(numbers, len(lines)), strict=True)
        return [row for candidates, number in numbered for row in _rows(number, candidates)]

    answer_lines(options.file, n_best)


def _rows(number: int, candidates: "Sequence[Candidate]") -> list[str]:
    """Tab separated: a text never holds a tab."""
    return [f"{number}\t{score:.6f}\t{text}" for text, score in candidates]
