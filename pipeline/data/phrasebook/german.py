"""German nouns with their articles and adjective endings; verbs and adjectives.

Cells are written as data/phrasebook/README.md says.
"""

from collections.abc import Iterator

from pipeline.data.phrasebook.words import GENDERS, Entry, Word

_CASES = ("nom", "acc", "dat", "gen")


def _table(*rows: str) -> dict[tuple[str, str], str]:
    """By gender and case; "-" is no ending."""
    return {
        (gender, case): ending.strip("-")
        for gender, row in zip(GENDERS, rows, strict=True)
        for case, ending in zip(_CASES, row.split(), strict=True)
    }


_ARTICLES = _table("der den dem des", "die die der der", "das das dem des", "die die den der")
_DIES = _table("er en em es", "e e er er", "es es em es", "e e en er")
_EIN = _table("- en em es", "e e er er", "- - em es", "e e en er")

# Endings of an adjective after `der` and `dies`, after words like `ein`, and after no article.
_WEAK = _table("e en en en", "e e en en", "e e en en", "en en en en")
_MIXED = _table("er en en en", "e e en en", "es es en en", "en en en en")
_STRONG = _table("er en em en", "e e er er", "es es em en", "e e en er")

_EIN_WORDS = {"indef": "ein", "kein": "kein", "mein": "mein", "ihr": "Ihr", "unser": "unser"}
_CONTRACTIONS = {
    "zu": ("dat", ("zum", "zur", "zum", "zu den")),
    "im": ("dat", ("im", "in der", "im", "in den")),
    "am": ("dat", ("am", "an der", "am", "an den")),
    "beim": ("dat", ("beim", "bei der", "beim", "bei den")),
    "vom": ("dat", ("vom", "von der", "vom", "von den")),
    "ins": ("acc", ("in den", "in die", "ins", "in die")),
}
_GENDERS = {"der": "m", "der*": "m", "die": "f", "das": "n", "pl": "pl"}


def noun(cell: str) -> Entry:
    """The forms of 'der Park, Parks, Parks' (singular, plural, genitive), as far as it goes.

    Raises:
        ValueError: What was expected instead.
    """
    head, *others = cell.split(", ")
    article, _, word = head.partition(" ")
    if article not in _GENDERS:
        raise ValueError(f"'der', 'der*', 'die', 'das' or 'pl' before the noun in '{cell}'")
    gender = _GENDERS[article]
    plural = word if gender == "pl" else "".join(others[:1]).strip("-")
    many = _plural(plural) if plural else {}
    if gender == "pl":
        one = many
    else:
        oblique = plural if article == "der*" else word
        genitive = oblique if gender == "f" or article == "der*" else "".join(others[1:])
        one = _singular(gender, (word, oblique, oblique, genitive), countable=bool(plural))
    forms = {"": Word(word)} | one | {f"pl.{name}": form for name, form in many.items()}
    return Entry(forms | ({"pl": Word(plural)} if plural else {}), gender)


def verb(cell: str) -> Entry:
    """The forms of 'Brot backen, gebacken', 'auf|stehen, bin aufgestanden'.

    Raises:
        ValueError: What was expected instead.
    """
    infinitive, comma, participle = cell.partition(", ")
    if not comma:
        raise ValueError(f"'infinitive, participle' in '{cell}'")
    before = infinitive[: infinitive.rfind(" ") + 1]
    last = infinitive.removeprefix(before)
    prefix, bar, stem = last.partition("|")
    moves = participle.startswith("bin ")
    forms = {
        "": before + prefix + stem,
        "zu": before + (f"{prefix}zu{stem}" if bar else f"zu {last}"),
        "pp": before + participle.removeprefix("bin "),
        "habe": "bin" if moves else "habe",
        "hat": "ist" if moves else "hat",
        "haben": "sind" if moves else "haben",
    }
    return Entry({name: Word(text) for name, text in forms.items()})


def adjective(cell: str) -> Entry:
    """The forms of 'klein', or of 'dunkel, dunkl' with a stem of its own before endings."""
    whole, _, stem = cell.partition(", ")
    return Entry({"": Word(whole), "stem": Word(stem or whole)})


def _singular(gender: str, words: tuple[str, ...], *, countable: bool) -> dict[str, Word]:
    """The forms of every case whose word, which may be empty, is known."""
    forms: dict[str, Word] = {}
    for case, word in zip(_CASES, words, strict=True):
        if word:
            forms.update(_forms(gender, case, word, countable=countable))
    return forms


def _plural(word: str) -> dict[str, Word]:
    dative = word if word.endswith(("n", "s")) else word + "n"
    forms: dict[str, Word] = {}
    for case in _CASES:
        forms.update(_forms("pl", case, dative if case == "dat" else word, countable=False))
    return forms


def _forms(gender: str, case: str, word: str, *, countable: bool) -> Iterator[tuple[str, Word]]:
    """The forms of one case; what cannot be counted has no indefinite article."""
    at = gender, case
    bare = Word(word, "", _STRONG[at])
    yield f"{case}.bare", bare
    yield f"{case}.def", Word(word, _ARTICLES[at], _WEAK[at])
    yield f"{case}.dies", Word(word, "dies" + _DIES[at], _WEAK[at])
    for name, ein in _EIN_WORDS.items():
        yield f"{case}.{name}", Word(word, ein + _EIN[at], _MIXED[at])
    if not countable:
        yield f"{case}.indef", bare
    for name, (governed, words) in _CONTRACTIONS.items():
        if governed == case:
            yield name, Word(word, words[GENDERS.index(gender)], _WEAK[at])
