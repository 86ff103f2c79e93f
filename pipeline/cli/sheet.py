"""`seq2seq sheet`: a page on which a person picks the better of two chatbots' replies, blind."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.chat_options import add_chat_options, chat_settings
from pipeline.cli.main import Parser
from pipeline.errors import ConfigError, DataError, ModelError


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq sheet", description=__doc__)
    parser.add_argument("model_a", help="a chatbot: a model folder, or a hub name")
    parser.add_argument("model_b", help="another one")
    parser.add_argument("--data", help="another corpus than the one that model A was trained on")
    parser.add_argument("--split", default="test", help="default: test")
    parser.add_argument("--num", type=int, default=50, help="contexts, drawn by seed (default: 50)")
    parser.add_argument("--output", required=True, help="the HTML file to write")
    add_chat_options(parser.add_argument_group("how both reply; the seed also draws the contexts"))
    options = parser.parse_args(arguments)
    if options.num < 1:
        raise ConfigError(f"--num: expected 1 or more, got {options.num}")
    output = Path(options.output)
    if not output.resolve().parent.is_dir():
        raise ConfigError(f"--output {output}: no such folder")
    if output.exists():
        raise ConfigError(f"--output {output}: exists already; expected a new name")

    from pipeline.evaluation import Pairs, load_references
    from pipeline.evaluation.sheet import compare_replies, render_page
    from pipeline.model_folder import load_model

    settings = chat_settings(options)
    names = (options.model_a, options.model_b)
    models = (load_model(names[0]), load_model(names[1]))
    for trained in models:
        if trained.task != "chat":
            raise ModelError(f"{trained.name}: a model for {trained.task}; expected chat")
    pairs = load_references(models[0], path=options.data, split=options.split)
    assert isinstance(pairs, Pairs)
    comparison = compare_replies(models, pairs, names=names, num=options.num, settings=settings)
    _write(output, render_page(comparison))
    print(output)
    print(f"{len(comparison.items)} pairs of replies: open it in a browser", file=sys.stderr)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(path.name + ".partial")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        unfinished.unlink(missing_ok=True)
