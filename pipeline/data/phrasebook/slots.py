"""The notation of slots, such as `{colour+dish.acc.indef}`, and the text that fills one."""

import re
from typing import NamedTuple

from pipeline.data.phrasebook import korean
from pipeline.data.phrasebook.fillers import Filler
from pipeline.data.phrasebook.words import GENDERS, Entry, Word

_SLOT = re.compile(
    r"\{(?:(?P<adjective>[^{}+~]+)\+|(?P<stem>[^{}+~]+)~)?"
    r"(?P<name>[a-z_]+\d*)(?P<form>(?:\.\w+)*)"
    r"(?::(?P<ending>\w+)|\?(?P<choices>[^{}]+))?\}"
)


class Slot(NamedTuple):
    """A slot as it is written; what is not there is empty."""

    name: str
    form: str = ""
    ending: str = ""
    choices: str = ""
    adjective: str = ""
    stem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the slot, and that of the slot for the adjective before it."""
        return (self.name, self.adjective) if self.adjective else (self.name,)


def parse(sentence: str) -> list[str | Slot]:
    """The slots of a sentence, and the text before, between and after them."""
    pieces: list[str | Slot] = []
    position = 0
    for match in _SLOT.finditer(sentence):
        fields = match.groupdict(default="")
        pieces.append(sentence[position : match.start()])
        pieces.append(Slot(**fields | {"form": fields["form"][1:]}))
        position = match.end()
    return [*pieces, sentence[position:]]


def class_of(name: str) -> str:
    """The class of the slot `name`: `dish` is that of `dish2`."""
    return name.rstrip("0123456789")


def fill(slot: Slot, language: str, filler: Filler, adjective: Filler | None = None) -> str:
    """The text of `filler` in `slot`, after that of the filler of the adjective's slot, if any.

    Raises:
        ValueError: What was expected instead of something that the fillers do not have.
    """
    entry = filler[language]
    if slot.choices:
        return _choose(slot.choices, entry.gender)
    if slot.ending and not slot.form and korean.is_verb(entry.forms):
        return korean.conjugate(entry.forms, slot.ending)
    word = _form(entry, slot.form, language)
    before = slot.stem
    if adjective:
        has_stem = language == "de" and "stem" in adjective[language].forms
        before = _form(adjective[language], "stem" if has_stem else "", language).core
    text = word.text(before + word.ending if before else "")
    return korean.attach_particle(text, slot.ending) if slot.ending else text


def _choose(choices: str, gender: str) -> str:
    options = choices.split("/")
    if len(options) not in (2, 4) or not gender:
        raise ValueError(f"a noun with 2 or 4 choices, not '{choices}'")
    return options[GENDERS.index(gender) if len(options) == 4 else int(gender == "pl")]


def _form(entry: Entry, name: str, language: str) -> Word:
    if name not in entry.forms:
        known = next(iter(entry.forms.values())).core
        raise ValueError(f"a form that '{known}' has in {language}, not '{name}'")
    return entry.forms[name]
