"""`seq2seq`: finds the subcommand, and turns what goes wrong into one line and an exit code."""

import argparse
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn, Protocol

from pipeline.errors import ConfigError, UserError

# Before torch is imported. By default its threads spin while they wait for each other, for so long
# that a training on all cores crawls as soon as another program wants one of them; and oneDNN keeps
# 1,024 compiled products, where the batches of a training have 2,600 shapes: on a processor with
# AMX it takes longer to compile a product again than to do it.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "4096")

DONE, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130

_COMMANDS = {
    "train": "train a translator, a chatbot or another kind of RNN from a configuration",
    "evaluate": "score a model on a split",
    "compare": "say which of two translators is better, where, and whether that can be known",
    "sheet": "write a page for picking the better of two chatbots' replies, blind",
    "translate": "translate lines of text",
    "chat": "talk to a chatbot",
    "classify": "label lines of text",
    "average": "make one model of several that began with the same one: their mean",
    "distill": "let a teacher, or an ensemble, write the corpus of a smaller translator",
    "export": "write a translator as ONNX graphs, which run without torch",
    "inspect": "look inside a cell or a model: its parts, its gradients",
}


class _Command(Protocol):
    def run(self, arguments: Sequence[str]) -> None:
        """Do what the command does."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are errors like the others."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing and leaving."""
        raise ConfigError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 done, 1 failed, 2 the user's mistake, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    # Of libraries the warnings alone: matplotlib tells of every font that it cannot use.
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING, force=True)
    logging.getLogger("pipeline").setLevel(logging.INFO)
    try:
        _dispatch(words)
    except SystemExit as stop:  # of --help
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has had enough, as `head` does; nothing is left to flush to.
        sys.stdout = open("/dev/null", "w")  # noqa: PTH123, SIM115
        return FAILED
    except UserError as error:
        _explain(error, debug)
        return MISTAKE
    except Exception as error:
        _explain(error, debug)
        return FAILED
    return DONE


def _dispatch(words: Sequence[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("seq2seq-pipeline"))
        return
    if words[0] not in _COMMANDS:
        raise ConfigError(f"no command '{words[0]}'; expected one of {', '.join(_COMMANDS)}")
    # Imported by name, so that a command waits only for what it needs itself.
    command: _Command = importlib.import_module(f"pipeline.cli.{words[0]}")
    command.run(words[1:])


def _usage() -> str:
    lines = ["usage: seq2seq COMMAND [OPTION...]   (seq2seq COMMAND --help tells its options)", ""]
    lines += [f"  {name:<10} {purpose}" for name, purpose in _COMMANDS.items()]
    lines += ["", "  --debug    with any command: show where an error comes from"]
    return "\n".join(lines)


def _explain(error: Exception, debug: bool) -> None:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    text = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, UserError):
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    print(f"error: {text}", file=sys.stderr)
