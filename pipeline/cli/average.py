"""`seq2seq average`: one model with the mean weights of several that began with the same one."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.main import Parser
from pipeline.errors import ConfigError


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq average", description=__doc__)
    parser.add_argument(
        "model",
        nargs="+",
        help="a model folder: what training began with (trainer.begin_with), and what came of it; "
        "one that is given twice counts twice",
    )
    parser.add_argument(
        "--output", metavar="FOLDER", required=True, help="the folder of the new model"
    )
    options = parser.parse_args(arguments)
    folder = Path(options.output)
    if len(options.model) < 2:
        raise ConfigError("model: expected two model folders or more")
    if folder.exists():
        raise ConfigError(f"--output: {folder} exists already; expected a new folder")

    from pipeline.model_average import average_models
    from pipeline.model_folder import save_model

    averaged = average_models(
        options.model,
        name=folder.name,
        command=shlex.join(["seq2seq", "average", *arguments]),
    )
    save_model(averaged, folder)
    print(f"model       {folder}")
    print(f"next        seq2seq evaluate {folder} --split validation")
