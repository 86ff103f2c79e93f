"""English nouns and verbs: articles, plurals and participles.

Cells are written as data/phrasebook/README.md says.
"""

from pipeline.data.phrasebook.words import Entry, Word


def noun(cell: str) -> Entry:
    """The forms of 'a pear, pears', of 'bread' or of 'pl jeans'.

    Raises:
        ValueError: What was expected instead.
    """
    head, _, plural = cell.partition(", ")
    article, _, rest = head.partition(" ")
    if article == "pl":
        some = Word(rest, "some")
        return Entry({"": Word(rest), "indef": Word(rest), "some": some, "pl": Word(rest)}, "pl")
    if article not in ("a", "an"):
        return Entry({"": Word(head), "indef": Word(head), "some": Word(head, "some")}, "n")
    if not plural:
        raise ValueError(f"'{head}' to be followed by a comma and its plural")
    one = Word(rest, article)
    return Entry({"": Word(rest), "indef": one, "some": one, "pl": Word(plural)}, "n")


def verb(cell: str) -> Entry:
    """The forms of 'walk/walking/walked home' or 'go/going/went/gone home'.

    Raises:
        ValueError: What was expected instead.
    """
    first, _, rest = cell.partition(" ")
    words = first.split("/")
    if len(words) not in (3, 4):
        raise ValueError(f"'base/ing/past ...' or 'base/ing/past/participle ...' in '{cell}'")
    base, ing, past, participle = (*words, words[2])[:4]
    named = {"": base, "ing": ing, "past": past, "pp": participle}
    return Entry({name: Word(f"{word} {rest}".strip()) for name, word in named.items()})
