"""`seq2seq export`: a trained translator as ONNX graphs, for a runtime without torch."""

import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.main import Parser
from pipeline.errors import ConfigError

_log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq export", description=__doc__)
    parser.add_argument("model", help="a model folder, or a hub name")
    parser.add_argument("--output", metavar="FOLDER", required=True, help="where it is written")
    parser.add_argument(
        "--precision",
        choices=("fp32", "int8"),
        default="fp32",
        help="int8 is smaller and faster, with another word here and there (default: fp32)",
    )
    options = parser.parse_args(arguments)
    try:
        from pipeline.export import export_model, require_free
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'seq2seq export needs {error.name}: pip install "seq2seq-pipeline[onnx]"'
        ) from error
    from pipeline.model_folder import load_model

    folder = Path(options.output)
    require_free(folder)
    export_model(
        load_model(options.model),
        folder,
        precision=options.precision,
        command=shlex.join(["seq2seq", "export", *arguments]),
    )
    _log.info("%s is written", folder)
