from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline import subwords
from pipeline.subwords import SubwordSampler
from pipeline.text import replace_surrogates
from pipeline.tokenizer import TURN, Tokenizer, TokenizerConfig, train_tokenizer

ModelType = Literal["unigram", "bpe"]
SENTENCES = [
    "The little dog runs over the green grass.",
    "A man in a red shirt is riding a bicycle.",
    "Two children are playing in the water today!",
    "Ein kleiner Hund läuft über das grüne Gras.",
    "강아지가 풀밭에서 뛰어다녀요.",
    "안녕하세요, 만나서 반갑습니다.",
]
SPECIAL = "\u2581\uffff01\x00\n \t<turn>\ufeff한ㅋ😀\u0301Dog"
model_types = pytest.mark.parametrize("model_type", ["unigram", "bpe"])


@cache
def tokenizer(model_type: ModelType) -> Tokenizer:
    config = TokenizerConfig(vocab_size=330, model_type=model_type, character_coverage=1.0)
    return train_tokenizer(SENTENCES, config)


def sample(
    drawer: SubwordSampler, sentences: list[list[int]], random: np.random.Generator
) -> list[list[int]]:
    drawn = drawer.sample(sentences, random)
    return [ids.tolist() for ids in np.split(drawn.ids, drawn.starts[1:])]


def sampler(model_type: ModelType, strength: float = 0.3) -> SubwordSampler:
    if model_type == "bpe":
        return SubwordSampler(tokenizer("bpe"), dropout=strength)
    return SubwordSampler(tokenizer("unigram"), alpha=strength)


@model_types
def test_samples_are_the_same_text_in_other_pieces_and_can_be_drawn_again(
    model_type: ModelType,
) -> None:
    usual = tokenizer(model_type).encode_batch(SENTENCES * 5)

    def samples(seed: int) -> list[list[int]]:
        # Each time with words that were never met before: what is drawn does not depend on it.
        return sample(sampler(model_type), usual, np.random.default_rng(seed))

    first = samples(7)
    assert [tokenizer(model_type).decode(ids) for ids in first] == SENTENCES * 5
    assert samples(7) == first
    assert samples(8) != first
    assert len({tuple(ids) for ids in first}) > 2 * len(SENTENCES)
    assert sum(map(len, first)) > sum(map(len, usual))


@model_types
def test_what_is_drawn_does_not_depend_on_how_many_words_are_kept(
    model_type: ModelType, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tokenizer(model_type).encode_batch(SENTENCES)

    def samples() -> list[list[list[int]]]:
        drawer, random = sampler(model_type), np.random.default_rng(3)
        return [sample(drawer, [ids], random) for ids in usual * 2]

    expected = samples()
    monkeypatch.setattr(subwords, "_WORDS_KEPT", 5)
    assert samples() == expected


@model_types
@pytest.mark.parametrize("number", [0.0, np.nextafter(1, 0)])
def test_the_smallest_and_the_largest_number_stay_with_their_word(
    model_type: ModelType, number: float
) -> None:
    usual = tokenizer(model_type).encode_batch(SENTENCES)
    always: Any = SimpleNamespace(random=lambda size: np.full(size, number))
    drawn = sample(sampler(model_type), usual, always)
    assert [tokenizer(model_type).decode(ids) for ids in drawn] == SENTENCES


@model_types
def test_a_row_that_begins_within_a_word_does_not_go_on_with_the_row_before(
    model_type: ModelType,
) -> None:
    trained = tokenizer(model_type)
    usual = [ids[1:] for ids in trained.encode_batch(SENTENCES)]
    drawn = sample(sampler(model_type), usual, np.random.default_rng(1))
    assert list(map(trained.decode, drawn)) == list(map(trained.decode, usual))


@model_types
@given(st.text(alphabet=st.characters()) | st.text(alphabet=st.sampled_from(SPECIAL)))
@example("")
@example("  two  spaces  ")
@example(f"{TURN}{TURN} <turn")
@example("dog \u2581 ㅋㅋ \ud83d")
def test_any_text_comes_back(model_type: ModelType, text: str) -> None:
    trained = tokenizer(model_type)
    (ids,) = sample(sampler(model_type), [trained.encode(text)], np.random.default_rng(1))
    assert trained.decode(ids) == replace_surrogates(text)


def test_a_large_alpha_draws_the_best_segmentation() -> None:
    usual = tokenizer("unigram").encode_batch(SENTENCES)
    assert sample(sampler("unigram", 1000.0), usual, np.random.default_rng(1)) == usual


def test_a_segmentation_is_drawn_by_its_probability_to_the_power_of_alpha() -> None:
    trained = tokenizer("unigram")
    found = trained.nbest("dog", 64)
    weights = np.exp(0.5 * np.array([log_prob for _, log_prob in found]))
    drawn = sample(
        sampler("unigram", 0.5), [trained.encode("dog")] * 4000, np.random.default_rng(2)
    )
    counts = Counter(map(tuple, drawn))
    shares = [counts[tuple(ids)] / len(drawn) for ids, _ in found]
    # Five standard deviations of a share of 4,000.
    assert shares == pytest.approx(list(weights / weights.sum()), abs=0.04)


def test_with_hardly_any_dropout_merges_are_those_of_bpe() -> None:
    usual = tokenizer("bpe").encode_batch(SENTENCES)
    assert sample(sampler("bpe", 1e-9), usual, np.random.default_rng(1)) == usual


def test_with_much_dropout_hardly_anything_is_merged() -> None:
    trained = tokenizer("bpe")
    usual = trained.encode_batch(SENTENCES[:4])
    drawn = sample(sampler("bpe", 0.999), usual, np.random.default_rng(1))
    assert sum(map(len, drawn)) > 0.97 * sum(len(text) + 1 for text in SENTENCES[:4])


@model_types
def test_turns_stay_turns(model_type: ModelType) -> None:
    trained = tokenizer(model_type)
    ids = trained.encode(f"dog {TURN} grass {TURN} dog")
    (drawn,) = sample(sampler(model_type), [ids], np.random.default_rng(1))
    assert drawn.count(trained.turn_id) == 2


@cache
def with_two_merges() -> Tokenizer:
    texts = ["xab yab zab xbc ybc zbc wbc vbc"] * 3  # bc is the more frequent of ab and bc
    config = TokenizerConfig(vocab_size=276, model_type="bpe", character_coverage=1.0)
    return train_tokenizer(texts, config)


def test_of_two_merges_the_one_that_was_learnt_first_is_done_first() -> None:
    trained = with_two_merges()
    word = trained.encode("abc")
    (drawn,) = sample(SubwordSampler(trained, dropout=1e-9), [word], np.random.default_rng(1))
    assert trained.pieces(drawn) == ["▁", "a", "bc"]  # and not the first that comes


def test_each_merge_is_left_out_with_the_probability_of_dropout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained, dropout, num = with_two_merges(), 0.3, 4000
    monkeypatch.setattr(subwords, "_NUM_DRAWN", num)
    words = [trained.encode("abc")] * num
    drawn = sample(SubwordSampler(trained, dropout=dropout), words, np.random.default_rng(2))
    counts = Counter(" ".join(trained.pieces(ids)) for ids in drawn)
    shares = {pieces: count / num for pieces, count in counts.items()}
    expected = {
        "▁ a bc": 1 - dropout,
        "▁ ab c": dropout * (1 - dropout),
        "▁ a b c": dropout**2,
    }
    # Five standard deviations of a share of 4,000 of 4,000.
    assert shares == pytest.approx(expected, abs=0.06)
