"""`seq2seq translate`: one line in, one line out, in order, empty lines kept."""

from collections.abc import Sequence
from functools import partial

from pipeline.cli.lines import answer_lines, require_file
from pipeline.cli.main import Parser


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq translate", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("file", nargs="?", default="-", help="text, a sentence a line; - is stdin")
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    options = parser.parse_args(arguments)
    require_file(options.file)

    from pipeline.translator import Translator

    translate = partial(
        Translator.from_pretrained(options.model).translate,
        batch_size=options.batch_size,
        beam_size=options.beam_size,
    )
    answer_lines(options.file, translate)
