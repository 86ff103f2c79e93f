"""Korean particles and verb endings, by the final sound of the word before them.

Cells are written as data/phrasebook/README.md says.
"""

from pipeline.data.phrasebook.words import Entry, Word

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
"""The form after a consonant, which names the particle, and the form after a vowel."""

STEM_ENDINGS = ("고", "지", "지는", "지만", "는", "기")
EU_ENDINGS = ("으면", "으러", "으려고", "으세요", "으시겠어요", "은", "을", "을게요")
A_ENDINGS = ("아", "아요", "아서", "아야", "았어요", "았는데", "았으니까")

_NO_FINAL, _N, _L, _SS = 0, 4, 8, 20  # final consonants by their place in Unicode's order
_WITHOUT_L = ("는", "으세요", "으시겠어요")


def attach_particle(word: str, particle: str) -> str:
    """`word` with `particle`, which is given in its form after a consonant (을, 으로).

    Raises:
        ValueError: What was expected instead of an unknown particle, or of a word whose last
            character is not Hangul.
    """
    if particle not in PARTICLES:
        raise ValueError(f"one of the particles {' '.join(PARTICLES)}, not '{particle}'")
    final = _final(word)
    like_vowel = final == _NO_FINAL or (final == _L and particle.startswith("으로"))
    return word + (PARTICLES[particle] if like_vowel else particle)


def is_verb(forms: dict[str, Word]) -> bool:
    """Whether the forms are those that `conjugate` needs."""
    return {"stem", "eu", "a"} <= forms.keys()


def conjugate(forms: dict[str, Word], ending: str) -> str:
    """A verb's form with `ending`, which is named as after a closed ㅏ stem (으면, 았어요).

    Raises:
        ValueError: What was expected instead of an unknown ending.
    """
    if ending in A_ENDINGS:
        base = forms["a"].core
        return (_with_final(base, _SS) if ending[0] == "았" else base) + ending[1:]
    if ending in EU_ENDINGS:
        base, rest = forms["eu"].core, ending[1:]
        if ending[0] in "은을":
            return _with_final(base, _N if ending[0] == "은" else _L) + rest
    elif ending in STEM_ENDINGS:
        base, rest = forms["stem"].core, ending
    else:
        raise ValueError(f"a known verb ending, not '{ending}'")
    drops_l = ending in _WITHOUT_L and _final(base) == _L
    return (_with_final(base, _NO_FINAL) if drops_l else base) + rest


def verb(cell: str) -> Entry:
    """The three stems of '읽다, 읽어요', or with an irregular one of '듣다, 들어요, 들으'.

    Raises:
        ValueError: What was expected instead.
    """
    dictionary, _, others = cell.partition(", ")
    polite, _, irregular = others.partition(", ")
    if not dictionary.endswith("다") or not polite.endswith("요"):
        raise ValueError(f"'…다, …요' in '{cell}'")
    stem = dictionary.removesuffix("다")
    before = stem[: stem.rfind(" ") + 1]
    regular = stem if _final(stem) in (_NO_FINAL, _L) else stem + "으"
    informal = polite.removesuffix("요").split(" ")[-1]
    eu = before + irregular if irregular else regular
    return Entry({"stem": Word(stem), "eu": Word(eu), "a": Word(before + informal)})


def adjective(cell: str) -> Entry:
    """The form before a noun of '어두운', and the verb's stems of '어두운, 어둡다, 어두워요'.

    Raises:
        ValueError: What was expected instead.
    """
    attributive, _, stems = cell.partition(", ")
    return Entry({"": Word(attributive), **(verb(stems).forms if stems else {})})


def _final(word: str) -> int:
    if not "가" <= word[-1:] <= "힣":
        raise ValueError(f"a Hangul syllable at the end of '{word}'")
    return (ord(word[-1]) - ord("가")) % 28


def _with_final(word: str, final: int) -> str:
    return word[:-1] + chr(ord(word[-1]) - _final(word) + final)
