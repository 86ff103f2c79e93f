"""Translation with terms: once freely; then again, made to hold its terms, what lacks one."""

from collections.abc import Callable, Sequence

from pipeline.terms.placeholders import Prepared, with_placeholders
from pipeline.terms.reading import Terms


def translate_with_terms(
    lines: Sequence[str],
    terms: Terms,
    translate: Callable[[list[str]], list[str]],
    translate_holding: Callable[[list[Prepared]], list[str]],
) -> list[str]:
    """The translation of each line, with its terms wherever they could be placed.

    Models say most numbers and many terms by themselves, and are then left alone.

    Args:
        lines: In the source language.
        terms: What their translations have to hold.
        translate: Translates freely.
        translate_holding: Translates so that the terms are held.
    """
    prepared = [with_placeholders(terms.read(line)) for line in lines]
    translations = translate([each.text for each in prepared])
    lacking = [i for i, each in enumerate(prepared) if each.num_lacking(translations[i])]
    again = translate_holding([prepared[i] for i in lacking])
    for i, translation in zip(lacking, again, strict=True):
        translations[i] = min(translations[i], translation, key=prepared[i].num_lacking)
    return [
        each.restore(translation) for each, translation in zip(prepared, translations, strict=True)
    ]
