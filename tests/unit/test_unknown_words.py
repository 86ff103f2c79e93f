import pytest

from pipeline.tokenizer import UNK_ID, Tokenizer, TokenizerConfig, train_tokenizer
from pipeline.unknown_words import copy_unknown


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Knows the letters of `the big dog runs` and some punctuation."""
    texts = ["the big dog runs.", "the dog, the dog!", "a big run"]
    return train_tokenizer(
        texts, TokenizerConfig(vocab_size=24, byte_fallback=False, character_coverage=1.0)
    )


def copied(tokenizer: Tokenizer, source: str, target: str, looks: dict[int, str]) -> str:
    """The target, whose n-th unknown piece looks at the first source piece spelt so."""
    ids = tokenizer.encode(target)
    segments = tokenizer.segment(source)
    unknown = [i for i, piece_id in enumerate(ids) if piece_id == UNK_ID]
    assert len(unknown) == len(looks)
    # A little at all of them, more at the one after, most at the one.
    weights = [[0.01] * len(segments) for _ in ids]
    for n, piece in looks.items():
        place = segments.index(piece)
        weights[unknown[n]][place : place + 2] = [0.5, 0.4][: len(segments) - place]
    return copy_unknown(
        source, ids, weights, source_tokenizer=tokenizer, target_tokenizer=tokenizer
    )


def test_what_is_unknown_in_the_source_is_copied_letter_by_letter(tokenizer: Tokenizer) -> None:
    assert copied(tokenizer, "Łóżź runs.", "the ☃ runs!", {0: "Łóżź"}) == "the Łóżź runs!"
    assert copied(tokenizer, "Łdogź", "big ☃dog☃.", {0: "Ł", 1: "ź"}) == "big Łdogź."
    assert copied(tokenizer, "Ł the ź", "☃ the ☃.", {0: "ź", 1: "Ł"}) == "ź the Ł."


def test_of_a_source_with_unknown_pieces_only_these_are_copied(tokenizer: Tokenizer) -> None:
    segments = tokenizer.segment("dog run Ł.")
    assert copied(tokenizer, "dog run Ł.", "a ☃ a", {0: segments[0]}) == "a Ł a"


def test_of_a_known_piece_its_word_is_copied_without_the_punctuation_around_it(
    tokenizer: Tokenizer,
) -> None:
    source = "the dogs, run!"
    pieces = tokenizer.segment(source)
    within = pieces[-2]  # of `run!`
    assert copied(tokenizer, source, "a ☃ runs", {0: pieces[-1]}) == "a run runs"
    assert copied(tokenizer, source, "a ☃ runs", {0: within}) == "a run runs"
    assert copied(tokenizer, source, "a ☃ runs", {0: ","}) == "a dogs runs"
    assert copied(tokenizer, source, "☃!", {0: pieces[0]}) == "the!"


def test_punctuation_alone_is_a_word(tokenizer: Tokenizer) -> None:
    assert copied(tokenizer, "dog .! run", "a ☃ a", {0: "!"}) == "a .! a"


def test_a_hypothesis_without_unknown_pieces_is_its_text(tokenizer: Tokenizer) -> None:
    assert copied(tokenizer, "dog", "the big dog.", {}) == "the big dog."


def test_the_separator_of_pieces_in_a_source_survives(tokenizer: Tokenizer) -> None:
    source = "▁▁ dog"  # spelt with unknown characters by the tokenizer
    unknown = tokenizer.segment(source)[tokenizer.encode(source).index(UNK_ID)]
    assert copied(tokenizer, source, "a ☃", {0: unknown}) == "a ▁▁"


def test_a_source_that_was_cut_is_not_looked_at_behind_the_cut(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a ☃")
    num_read = len(tokenizer.segment("dog big"))
    text = copy_unknown(
        "dog big Ł",
        ids,
        [[0.1] * (num_read - 1) + [0.2]] * len(ids),
        source_tokenizer=tokenizer,
        target_tokenizer=tokenizer,
    )
    assert text == "a big"
