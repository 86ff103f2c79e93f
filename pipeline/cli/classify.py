"""`seq2seq classify`: one line in, its label out, in order."""

from collections.abc import Sequence

from pipeline.cli.lines import answer_lines, require_file
from pipeline.cli.main import Parser


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq classify", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("file", nargs="?", default="-", help="text, a sentence a line; - is stdin")
    options = parser.parse_args(arguments)
    require_file(options.file)

    from pipeline.classifier import Classifier

    answer_lines(options.file, Classifier.from_pretrained(options.model).classify)
