"""Expand the phrasebook's sentence frames into an English-Korean-German corpus.

The notation of the frame and filler files is described in data/phrasebook/README.md.
Run `python -m pipeline.data.phrasebook data/phrasebook` for counts and random samples.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.errors import DataError

LANGUAGES = ("en", "ko", "de")
GENDER_ORDER = ("m", "f", "n", "pl")
FRAME_CAP = 165
HELD_OUT_CAP = 3
HELD_OUT_SHARE = 12

KINDS = {
    "noun": ("noun", "text", "noun"),
    "verb": ("verb", "verb", "verb"),
    "adjective": ("text", "adjective", "adjective"),
    "state": ("text", "verb", "text"),
    "text": ("text", "text", "text"),
}
SLOT = re.compile(
    r"\{(?:(?P<before>[^{}+~]+)(?P<join>[+~]))?(?P<name>[a-z_]+\d*)(?P<form>(?:\.\w+)*)"
    r"(?::(?P<ending>\w+)|\?(?P<choice>[^{}]+))?\}"
)
SENTENCE_START = re.compile(r"(?:^|[.!?] )[a-zäöü]")


def _table(*rows: str) -> dict[str, list[str]]:
    return {gender: row.split() for gender, row in zip(GENDER_ORDER, rows, strict=True)}


# Korean: the form after a consonant names the particle; its value follows a vowel.
PARTICLES = {
    "은": "는",
    "이": "가",
    "을": "를",
    "과": "와",
    "으로": "로",
    "으로만": "로만",
    "이에요": "예요",
    "이나": "나",
    "이라고": "라고",
    "아": "야",
    "이고": "고",
}
STEM_ENDINGS = ("고", "지", "지는", "지만", "는", "기")
EU_ENDINGS = ("으면", "으러", "으려고", "으세요", "으시겠어요", "은", "을", "을게요")
A_ENDINGS = ("아", "아요", "아서", "아야", "았어요", "았는데", "았으니까")
N, L, SS = 4, 8, 20

# German: nominative, accusative, dative and genitive of each gender ("-" is no ending).
CASES = ("nom", "acc", "dat", "gen")
ARTICLES = _table("der den dem des", "die die der der", "das das dem des", "die die den der")
DER_ENDINGS = _table("er en em es", "e e er er", "es es em es", "e e en er")
EIN_ENDINGS = _table("- en em es", "e e er er", "- - em es", "e e en er")
EIN_WORDS = {"indef": "ein", "kein": "kein", "mein": "mein", "ihr": "Ihr", "unser": "unser"}
CONTRACTIONS = {
    "zu": ("dat", ("zum", "zur", "zum", "zu den")),
    "im": ("dat", ("im", "in der", "im", "in den")),
    "am": ("dat", ("am", "an der", "am", "an den")),
    "beim": ("dat", ("beim", "bei der", "beim", "bei den")),
    "vom": ("dat", ("vom", "von der", "vom", "von den")),
    "ins": ("acc", ("in den", "in die", "ins", "in die")),
}
GENDERS = {"der": "m", "der*": "m", "die": "f", "das": "n", "pl": "pl"}


class Word(NamedTuple):
    """One form of a filler: article, noun, and the ending an adjective between them takes."""

    core: str
    article: str = ""
    ending: str = ""

    def text(self, adjective: str = "") -> str:
        """Return the words with `adjective`, already inflected, in its place."""
        article = self.article
        if adjective and article in ("a", "an"):
            article = "an" if adjective[0] in "aeiou" else "a"
        return " ".join(filter(None, (article, adjective, self.core)))


class Filler(NamedTuple):
    """A filler's forms and gender ("pl" for plural) by language."""

    forms: dict[str, dict[str, Word]]
    gender: dict[str, str]


class Part(NamedTuple):
    """A stretch of a frame: its text for each choice of fillers of its slots."""

    slots: tuple[int, ...]
    texts: dict[tuple[int, ...], str]


class Frame(NamedTuple):
    """A frame ready to expand: parts by language, and slot names (class plus digit)."""

    id: str
    slots: tuple[str, ...]
    parts: dict[str, list[Part]]


class Row(NamedTuple):
    """A corpus row and the (class, filler number) pairs it uses."""

    text: dict[str, str]
    uses: tuple[tuple[str, int], ...]


def _final(word: str) -> int:
    if not "가" <= word[-1:] <= "힣":
        raise ValueError(f"a Hangul syllable at the end of '{word}'")
    return (ord(word[-1]) - ord("가")) % 28


def _with_final(word: str, final: int) -> str:
    return word[:-1] + chr(ord(word[-1]) - _final(word) + final)


def attach_particle(word: str, particle: str) -> str:
    """Return the Korean `word` with `particle`, given in its form after a consonant (을, 으로).

    Raises ValueError, saying what was expected, for an unknown particle or a word whose
    last character is not Hangul.
    """
    if particle not in PARTICLES:
        raise ValueError(f"one of the particles {' '.join(PARTICLES)}, not '{particle}'")
    final = _final(word)
    takes_vowel_form = final == 0 or (particle.startswith("으로") and final == L)
    return word + (PARTICLES[particle] if takes_vowel_form else particle)


def conjugate(forms: dict[str, Word], ending: str) -> str:
    """Return a Korean verb's form with `ending`, named as after a closed ㅏ stem (으면, 았어요).

    Raises ValueError, saying what was expected, for an unknown ending.
    """
    if ending in A_ENDINGS:
        base = forms["a"].core
        return _with_final(base, SS) + ending[1:] if ending[0] == "았" else base + ending[1:]
    if ending in EU_ENDINGS:
        base, drops_l = forms["eu"].core, ending[1:2] in ("세", "시")
        if ending[0] in "을은":
            return _with_final(base, L if ending[0] == "을" else N) + ending[1:]
        return (_with_final(base, 0) if drops_l and _final(base) == L else base) + ending[1:]
    if ending in STEM_ENDINGS:
        base, drops_l = forms["stem"].core, ending == "는"
        return (_with_final(base, 0) if drops_l and _final(base) == L else base) + ending
    raise ValueError(f"a known verb ending, not '{ending}'")


def _korean_verb(cell: str) -> dict[str, Word]:
    dictionary, polite, *eu = cell.split(", ")
    if not dictionary.endswith("다") or not polite.endswith("요"):
        raise ValueError(f"'…다, …요' in '{cell}'")
    stem = dictionary[:-1]
    before = stem[: stem.rfind(" ") + 1]
    default = stem if _final(stem) in (0, L) else stem + "으"
    informal = polite[:-1].split(" ")[-1]
    return {
        "stem": Word(stem),
        "a": Word(before + informal),
        "eu": Word(before + eu[0] if eu else default),
    }


def _korean_adjective(cell: str) -> dict[str, Word]:
    attributive, _, verb = cell.partition(", ")
    return {"": Word(attributive), **(_korean_verb(verb) if verb else {})}


def _english_noun(cell: str) -> tuple[dict[str, Word], str]:
    head, _, plural = cell.partition(", ")
    article, _, noun = head.partition(" ")
    if article not in ("a", "an"):
        noun = head.removeprefix("pl ")
        forms = {"": Word(noun), "indef": Word(noun), "some": Word(noun, "some")}
        return (forms | {"pl": Word(noun)}, "pl") if article == "pl" else (forms, "n")
    if not plural:
        raise ValueError(f"'{head}' to be followed by a comma and its plural")
    indefinite = Word(noun, article)
    return {"": Word(noun), "indef": indefinite, "some": indefinite, "pl": Word(plural)}, "n"


def _german_case(gender: str, case: str, noun: str, bare_indef: bool) -> Iterator[tuple[str, Word]]:
    index = CASES.index(case)
    article, der, ein = (table[gender][index] for table in (ARTICLES, DER_ENDINGS, EIN_ENDINGS))
    weak = "e" if gender != "pl" and (case == "nom" or (case == "acc" and gender != "m")) else "en"
    bare = Word(noun, "", "en" if case == "gen" and gender in "mn" else der)
    yield f"{case}.def", Word(noun, article, weak)
    yield f"{case}.bare", bare
    yield f"{case}.dies", Word(noun, "dies" + der, weak)
    for key, word in EIN_WORDS.items():
        form = Word(noun, word + ein.strip("-"), der if ein == "-" else weak)
        yield f"{case}.{key}", bare if key == "indef" and bare_indef else form
    for key, (governs, words) in CONTRACTIONS.items():
        if governs == case:
            yield key, Word(noun, words[GENDER_ORDER.index(gender)], weak)


def _german_noun(cell: str) -> tuple[dict[str, Word], str]:
    head, *others = cell.split(", ")
    article, _, noun = head.partition(" ")
    if article not in GENDERS:
        raise ValueError(f"'der', 'der*', 'die', 'das' or 'pl' before the noun in '{cell}'")
    gender = GENDERS[article]
    plural = noun if gender == "pl" else "".join(others[:1]).strip("-")
    oblique = plural if article == "der*" else noun
    genitive = oblique if gender == "f" or article == "der*" else "".join(others[1:])
    dative_plural = plural if plural.endswith(("n", "s")) else plural + "n"
    forms: dict[str, Word] = {"": Word(noun)}
    if gender != "pl":
        for case, word in zip(CASES, (noun, oblique, oblique, genitive), strict=True):
            forms.update(_german_case(gender, case, word, not plural) if word else ())
    if plural:
        cases = zip(CASES, (plural, plural, dative_plural, plural), strict=True)
        many = dict(f for c, word in cases for f in _german_case("pl", c, word, True))
        forms |= {"pl": Word(plural)} | {f"pl.{key}": word for key, word in many.items()}
        forms |= many if gender == "pl" else {}
    return forms, gender


def _english_verb(cell: str) -> dict[str, Word]:
    verb, _, rest = cell.partition(" ")
    words = verb.split("/")
    if len(words) not in (3, 4):
        raise ValueError(f"'base/ing/past ...' or 'base/ing/past/participle ...' in '{cell}'")
    names = ("", "ing", "past", "pp")
    words += words[2:3] if len(words) == 3 else []
    return {k: Word(f"{w} {rest}".strip()) for k, w in zip(names, words, strict=True)}


def _german_verb(cell: str) -> dict[str, Word]:
    infinitive, comma, participle = cell.partition(", ")
    if not comma:
        raise ValueError(f"'infinitive, participle' in '{cell}'")
    before = infinitive[: infinitive.rfind(" ") + 1]
    verb = infinitive[len(before) :]
    prefix, bar, stem = verb.partition("|")
    moves = participle.startswith("bin ")
    forms = {
        "": before + prefix + stem,
        "zu": before + (f"{prefix}zu{stem}" if bar else f"zu {verb}"),
        "pp": before + participle.removeprefix("bin "),
        "habe": "bin" if moves else "habe",
        "hat": "ist" if moves else "hat",
        "haben": "sind" if moves else "haben",
    }
    return {key: Word(text) for key, text in forms.items()}


def _german_adjective(cell: str) -> dict[str, Word]:
    whole, _, stem = cell.partition(", ")
    return {"": Word(whole), "stem": Word(stem or whole)}


def _parse_cell(language: str, kind: str, cell: str) -> tuple[dict[str, Word], str]:
    head, *named = cell.split("; ")
    forms, gender = {"": Word(head)}, ""
    if kind == "noun":
        forms, gender = _english_noun(head) if language == "en" else _german_noun(head)
    elif kind == "verb":
        parse = {"en": _english_verb, "ko": _korean_verb, "de": _german_verb}[language]
        forms = parse(head)
    elif kind == "adjective":
        forms = (_korean_adjective if language == "ko" else _german_adjective)(head)
    for extra in named:
        name, equals, text = extra.partition("=")
        if not equals:
            raise ValueError(f"'name=text' in '{extra}'")
        forms[name] = Word(text)
    return forms, gender


def _parse_filler(kind: str, row: str) -> Filler:
    cells = [cell.strip() for cell in str(row).split(" | ")]
    if len(cells) != len(LANGUAGES) or not all(cells):
        raise ValueError("three cells, 'English | Korean | German'")
    filler = Filler({}, {})
    for language, cell_kind, cell in zip(LANGUAGES, KINDS[kind], cells, strict=True):
        filler.forms[language], filler.gender[language] = _parse_cell(language, cell_kind, cell)
    return filler


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: expected readable YAML: {' '.join(str(error).split())}") from None


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise DataError(f"{folder}: expected a folder with .yaml files")
    return files


def load_fillers(folder: Path) -> dict[str, list[Filler]]:
    """Return the fillers of each slot class, read from the .yaml files in `folder`.

    Raises DataError naming the file, the class and the row of a mistake.
    """
    classes: dict[str, list[Filler]] = {}
    for path in _files(folder):
        content = _read_yaml(path)
        if not isinstance(content, dict):
            raise DataError(f"{path}: expected slot classes, each with 'kind' and 'fillers'")
        for name, body in content.items():
            where = f"{path}: class {name}"
            if not isinstance(body, dict) or set(body) != {"kind", "fillers"}:
                raise DataError(f"{where}: expected the keys kind, fillers")
            if str(body["kind"]) not in KINDS or name in classes or not body["fillers"]:
                raise DataError(f"{where}: expected a new class with fillers, of {list(KINDS)}")
            classes[name] = []
            for row in body["fillers"]:
                try:
                    classes[name].append(_parse_filler(body["kind"], row))
                except ValueError as error:
                    raise DataError(f"{where}, '{row}': expected {error}") from None
    return classes


def _slot_text(match: re.Match[str], language: str, filler: Filler, other: Filler | None) -> str:
    forms, name, ending = filler.forms[language], match["form"][1:], match["ending"]
    if match["choice"]:
        options, gender = match["choice"].split("/"), filler.gender[language]
        if len(options) not in (2, 4) or not gender:
            raise ValueError(f"a noun with 2 or 4 choices, not '{match['choice']}'")
        return options[GENDER_ORDER.index(gender) if len(options) == 4 else int(gender == "pl")]
    if ending and "stem" in forms and not name:
        return conjugate(forms, ending)
    if name not in forms:
        known = next(iter(forms.values())).core
        raise ValueError(f"a form that '{known}' has in {language}, not '{name}'")
    word = forms[name]
    adjective = match["before"] or ""
    if match["join"] == "+":
        source = (other or filler).forms[language]
        adjective = source.get("stem", source.get("", Word(""))).core
    text = word.text(adjective + (word.ending if adjective and language == "de" else ""))
    return attach_particle(text, ending) if ending else text


def _slot_part(
    match: re.Match[str], language: str, slots: tuple[str, ...], classes: dict[str, list[Filler]]
) -> Part:
    names = [match["name"], *([match["before"]] if match["join"] == "+" else [])]
    pools = [list(enumerate(classes[name.rstrip("0123456789")])) for name in names]
    texts = {}
    for choice in itertools.product(*pools):
        other = choice[1][1] if len(choice) == 2 else None
        texts[tuple(i for i, _ in choice)] = _slot_text(match, language, choice[0][1], other)
    return Part(tuple(slots.index(name) for name in names), texts)


def _slot_names(text: str) -> list[str]:
    found = []
    for match in SLOT.finditer(text):
        found += [match["name"], *([match["before"]] if match["join"] == "+" else [])]
    return list(dict.fromkeys(found))


def _compile_frame(frame_id: str, body: dict[str, str], classes: dict[str, list[Filler]]) -> Frame:
    if unknown := set(body) ^ {"id", *LANGUAGES}:
        raise ValueError(f"exactly the keys id, en, ko, de (see {', '.join(sorted(unknown))})")
    slots = tuple(_slot_names(body["en"]))
    parts: dict[str, list[Part]] = {}
    for language in LANGUAGES:
        names = _slot_names(body[language])
        if missing := [n for n in names if n.rstrip("0123456789") not in classes]:
            raise ValueError(f"a known slot class, not '{missing[0]}'")
        if not slots or set(names) != set(slots):
            raise ValueError(f"the same slots in {language} as in en: {', '.join(slots)}")
        parts[language], position = [], 0
        for match in SLOT.finditer(body[language]):
            parts[language].append(Part((), {(): body[language][position : match.start()]}))
            parts[language].append(_slot_part(match, language, slots, classes))
            position = match.end()
        parts[language].append(Part((), {(): body[language][position:]}))
        if any(c in part.texts.get((), "") for part in parts[language] for c in "{}"):
            raise ValueError(f"well-formed slots in {language}")
    return Frame(frame_id, slots, parts)


def load_frames(folder: Path, classes: dict[str, list[Filler]]) -> list[Frame]:
    """Return the frames of the .yaml files in `folder`, checked against every filler they take.

    Raises DataError naming the file, the frame and what was expected.
    """
    frames: dict[str, Frame] = {}
    for path in _files(folder):
        content = _read_yaml(path)
        if not isinstance(content, list):
            raise DataError(f"{path}: expected a list of frames")
        for number, body in enumerate(content, 1):
            if not isinstance(body, dict) or not all(isinstance(v, str) for v in body.values()):
                raise DataError(f"{path}: frame {number}: expected the text keys id, en, ko, de")
            frame_id = f"{path.stem}/{body.get('id', number)}"
            try:
                if frame_id in frames:
                    raise ValueError("an id that no other frame of the file has")
                frames[frame_id] = _compile_frame(frame_id, body, classes)
            except ValueError as error:
                raise DataError(f"{path}: frame {frame_id}: expected {error}") from None
    return list(frames.values())


def _generator(name: str) -> random.Random:
    return random.Random(hashlib.sha256(name.encode()).digest())


def _render(parts: list[Part], choice: tuple[int, ...], language: str) -> str:
    text = "".join(part.texts[tuple(choice[i] for i in part.slots)] for part in parts)
    if language == "ko":
        return text
    return SENTENCE_START.sub(lambda match: match[0][:-1] + match[0][-1].upper(), text)


def _frame_rows(frame: Frame, sizes: dict[str, int], seen: set[str]) -> list[Row]:
    classes = [name.rstrip("0123456789") for name in frame.slots]
    radix = [sizes[name] for name in classes]
    total = math.prod(radix)
    rows: list[Row] = []
    for number in _generator(frame.id).sample(range(total), min(total, 2 * FRAME_CAP)):
        digits = []
        for size in radix:
            number, digit = divmod(number, size)
            digits.append(digit)
        choice, uses = tuple(digits), tuple(zip(classes, digits, strict=True))
        text = {lang: _render(frame.parts[lang], choice, lang) for lang in LANGUAGES}
        if len(set(uses)) < len(uses) or not seen.isdisjoint(text.values()):
            continue
        seen.update(text.values())
        rows.append(Row(text | {"situation": frame.id.split("/")[0], "frame": frame.id}, uses))
        if len(rows) == FRAME_CAP:
            break
    return rows


def _split(groups: list[list[Row]]) -> dict[str, list[Row]]:
    left = Counter(use for group in groups for row in group for use in row.uses)
    splits: dict[str, list[Row]] = {"train": [], "validation": [], "test": []}
    for group in groups:
        quota = min(HELD_OUT_CAP, max(1, len(group) // HELD_OUT_SHARE))
        wanted = ["validation", "test"] * quota if len(group) > 2 else []
        for row in group:
            held_out = wanted and all(left[use] > 1 for use in row.uses)
            splits[wanted.pop() if held_out else "train"].append(row)
            if held_out:
                left.subtract(row.uses)
    return splits


def expand_rows(folder: Path) -> dict[str, list[Row]]:
    """Return what `expand_phrasebook` returns, each row with the fillers that it uses.

    Raises DataError naming the file, the frame (or filler) and what was expected.
    """
    classes = load_fillers(folder / "fillers")
    frames = load_frames(folder / "frames", classes)
    sizes = {name: len(fillers) for name, fillers in classes.items()}
    seen: set[str] = set()
    return _split([_frame_rows(frame, sizes, seen) for frame in frames])


def expand_phrasebook(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Return the phrasebook in `folder` as {"train": rows, "validation": rows, "test": rows}.

    A row is {"en", "ko", "de", "situation", "frame"}. The result depends on nothing but the
    files in folder/frames and folder/fillers. Every language's texts are unique over all rows;
    a held-out row's frame, and each of its fillers in that slot class, occur in training.

    Raises DataError naming the file, the frame (or filler) and what was expected.
    """
    return {name: [row.text for row in rows] for name, rows in expand_rows(folder).items()}


def main() -> None:
    """Print a phrasebook's counts and random training rows."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    classes = load_fillers(options.folder / "fillers")
    splits = expand_phrasebook(options.folder)
    rows = [row for split in splits.values() for row in split]
    print(f"frames {len({row['frame'] for row in rows})}")
    print(f"fillers {sum(map(len, classes.values()))} in {len(classes)} classes")
    print(f"rows {len(rows)}: " + ", ".join(f"{k} {len(v)}" for k, v in splits.items()))
    for situation, count in Counter(row["situation"] for row in rows).items():
        print(f"  {situation} {count}")
    for row in random.sample(splits["train"], min(options.samples, len(splits["train"]))):
        print(*(row[language] for language in LANGUAGES), sep=" | ")


if __name__ == "__main__":
    main()
