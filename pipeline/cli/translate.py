"""`seq2seq translate`: one line in, one line out, in order, empty lines kept."""

import argparse
import itertools
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.cli.language_options import add_target_option, chosen_target
from pipeline.cli.lines import answer_lines, require_file
from pipeline.cli.main import Parser
from pipeline.cli.search_options import (
    add_search_options,
    given_search_options,
    search_settings,
)
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.onnx_translator import OnnxTranslator
    from pipeline.sentences import Candidate
    from pipeline.terms import Terms
    from pipeline.translator import Translator

_log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = Parser(prog="seq2seq translate", description=__doc__)
    parser.add_argument("model", help="a model folder, a hub name, or a folder of seq2seq export")
    parser.add_argument("file", nargs="?", default="-", help="text, a sentence a line; - is stdin")
    parser.add_argument("--beam-size", type=int, default=1, help="1 is greedy (default)")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences decoded together")
    add_target_option(parser)
    add_search_options(parser)
    parser.add_argument(
        "--n-best",
        metavar="N",
        type=int,
        help="the N best of a beam, each on a line: number of the source line, score, text",
    )
    parser.add_argument(
        "--glossary", metavar="FILE", help="a term, a tab and its translation a line"
    )
    parser.add_argument(
        "--protect",
        metavar="KINDS",
        help="what comes through unchanged, of numbers,urls,emails,marked: <keep>marked</keep>",
    )
    options = parser.parse_args(arguments)
    require_file(options.file)

    from pipeline.runtime.folder import is_exported

    exported = is_exported(options.model)
    if exported:
        _refuse(options)
    terms = _terms(options.glossary, options.protect)
    settings = search_settings(options)
    if options.n_best is not None:
        settings.check_n_best(options.n_best)
        if terms is not None:
            raise ConfigError("n_best: expected none with a glossary or protected spans")

    translator = _exported(options) if exported else _trained(options)
    target_language = chosen_target(options, translator.directions)
    numbers = itertools.count(1)
    if options.n_best is None:
        more: dict[str, Any] = {} if terms is None else {"terms": terms}
        translate: Callable[[list[str]], list[str]] = partial(
            translator.translate,
            batch_size=options.batch_size,
            settings=settings,
            target_language=target_language,
            **more,
        )

        def answer(lines: list[str]) -> list[str]:
            translations = translate(lines)
            if terms is not None:
                numbered = zip(
                    itertools.islice(numbers, len(lines)), lines, translations, strict=True
                )
                for number, line, translation in numbered:
                    for target in terms.missing(line, translation):
                        _log.warning("line %d: no place was found for '%s'", number, target)
            return translations

        answer_lines(options.file, answer)
        return

    def n_best(lines: list[str]) -> list[str]:
        found = translator.candidates(
            lines,
            options.n_best,
            batch_size=options.batch_size,
            settings=settings,
            target_language=target_language,
        )
        numbered = zip(found, itertools.islice(numbers, len(lines)), strict=True)
        return [row for candidates, number in numbered for row in _rows(number, candidates)]

    answer_lines(options.file, n_best)


def _refuse(options: argparse.Namespace) -> None:
    """Refuse what an exported translator cannot do, its precision being what it was exported in."""
    given = {f"--{name}": getattr(options, name) for name in ("glossary", "protect", "reverse")}
    refused = [option for option, value in given.items() if value is not None]
    allowed = ("--length-penalty", "--coverage-penalty")
    refused += [option for option in given_search_options(options) if option not in allowed]
    if refused:
        raise ConfigError(
            f"{options.model}: an exported translator; expected no {refused[0]} with it"
        )


def _exported(options: argparse.Namespace) -> "OnnxTranslator":
    from pipeline.onnx_translator import OnnxTranslator

    return OnnxTranslator.from_pretrained(options.model)


def _trained(options: argparse.Namespace) -> "Translator":
    from pipeline.translator import Translator

    return Translator.from_pretrained(
        options.model,
        ensemble=options.ensemble,
        reverse=options.reverse,
        precision=options.precision,
    )


def _terms(glossary: str | None, protect: str | None) -> "Terms | None":
    """What the translations are to hold; None where nothing was asked for."""
    if not glossary and not protect:
        return None
    from pipeline.terms import Glossary, Terms

    return Terms(
        Glossary.from_file(glossary) if glossary else None,
        protect=protect.split(",") if protect else (),
    )


def _rows(number: int, candidates: "Sequence[Candidate]") -> list[str]:
    """Tab separated: a text never holds a tab."""
    return [f"{number}\t{score:.6f}\t{text}" for text, score in candidates]
