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
    unknown = [i for i, piece_id in enumerate(ids) if piece_id == UNK_ID]
    assert len(unknown) == len(looks)
    places = [0] * len(ids)
    for n, piece in looks.items():
        places[unknown[n]] = tokenizer.segment(source).index(piece)
    return copy_unknown(source, ids, places, source_tokenizer=tokenizer, target_tokenizer=tokenizer)


def test_an_unknown_piece_of_the_source_is_copied_letter_by_letter(tokenizer: Tokenizer) -> None:
    assert copied(tokenizer, "Łóżź runs.", "the ☃ runs!", {0: "Łóżź"}) == "the Łóżź runs!"
    assert copied(tokenizer, "Łdogź", "big ☃dog☃.", {0: "Ł", 1: "ź"}) == "big Łdogź."


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
    ids = tokenizer.encode(source)
    place = ids.index(UNK_ID)
    target = tokenizer.encode("a ☃")
    text = copy_unknown(
        source,
        target,
        [place] * len(target),
        source_tokenizer=tokenizer,
        target_tokenizer=tokenizer,
    )
    assert text == "a ▁▁"
