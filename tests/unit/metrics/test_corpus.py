import math

import pytest

from pipeline.metrics import (
    BleuProtocol,
    bits_per_character,
    bleu,
    chrf,
    exact_match,
    perplexity_per_word,
    scores_by_label,
    sentence_bleu,
    sentence_chrf,
    ter,
)


def test_bleu_by_hand() -> None:
    # Of the hypothesis' n-grams in the reference: 5 of 6, 4 of 5, 3 of 4, 2 of 3.
    # Geometric mean (5/6 * 4/5 * 3/4 * 2/3) ** 1/4 = (1/3) ** 1/4; 6 words against 7: exp(1 - 7/6).
    score = bleu(["a b c d e f"], ["a b c d e g h"])
    assert score.value == pytest.approx(100 * math.exp(-1 / 6) * (1 / 3) ** 0.25)


def test_a_corpus_that_was_tokenised_is_scored_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sentences = ["It is a dog ."] * 200
    assert bleu(sentences, sentences).value == pytest.approx(100)
    assert not caplog.records


def test_bleu_counts_over_the_whole_corpus_by_hand() -> None:
    # "the" is counted twice at most, as often as in its reference: 2 of 7 words; the second
    # sentence is exact. Sums: 1-grams 2 + 4 of 7 + 4, 2-grams 0 + 3 of 6 + 3, 3-grams 0 + 2 of
    # 5 + 2, 4-grams 0 + 1 of 4 + 1. 11 words against 11: no brevity penalty.
    score = bleu(
        ["the the the the the the the", "one two three four"],
        ["the cat is on the mat today", "one two three four"],
    )
    expected = (6 / 11 * 3 / 9 * 2 / 7 * 1 / 5) ** 0.25
    assert score.value == pytest.approx(100 * expected)


def test_bleu_is_cased_and_detokenised() -> None:
    reference = "The dog runs, and the cat sleeps."
    assert bleu([reference], [reference]).value == pytest.approx(100)
    assert bleu([reference.lower()], [reference]).value < 100
    # 13a parts the punctuation from the words, in both alike.
    assert bleu(["The dog runs , and the cat sleeps ."], [reference]).value == pytest.approx(100)


def test_the_order_of_the_sentences_does_not_matter() -> None:
    hypotheses, references = ["a b c d e", "f g h i"], ["a b c d x", "f g h j"]
    assert bleu(hypotheses, references) == bleu(hypotheses[::-1], references[::-1])


def test_scores_have_their_signatures() -> None:
    signature = bleu(["a b c d"], ["a b c d"]).signature
    for part in ("case:mixed", "tok:13a", "smooth:exp", "version:2."):
        assert part in signature
    assert "tok:char" in bleu(["a"], ["a"], protocol=BleuProtocol("char")).signature
    assert "nc:6|nw:0" in chrf(["a"], ["a"]).signature
    assert "tok:tercom" in ter(["a"], ["a"]).signature


def test_characters_as_tokens() -> None:
    hypotheses, references = ["안녕하세요"], ["안녕하세용"]
    # 4 of 5 characters, 3 of 4, 2 of 3, 1 of 2.
    score = bleu(hypotheses, references, protocol=BleuProtocol("char")).value
    assert score == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_chrf_is_100_for_the_same_and_0_for_nothing_in_common() -> None:
    assert chrf(["강아지가 뛰어요"], ["강아지가 뛰어요"]).value == pytest.approx(100)
    assert chrf(["abc"], ["xyz"]).value == 0


def test_chrf_by_hand() -> None:
    # Only orders that both have count: 1-grams 1 of 2 here and there, 2-grams 0 of 1. The mean of
    # precision and of recall is 1/4, and so is their F-score.
    assert chrf(["ab"], ["ac"]).value == pytest.approx(25)


def test_chrf_weighs_recall_by_hand() -> None:
    # 1-grams: precision 1, recall 1/3, no higher order in common. F2 = 5 P R / (4 P + R).
    assert chrf(["a"], ["abc"]).value == pytest.approx(100 * (5 / 3) / (4 + 1 / 3))


def test_chrf_of_each_sentence_is_that_of_a_corpus_of_one() -> None:
    hypotheses, references = ["ab", "a", "xyz"], ["ac", "abc", "xyz"]
    found = sentence_chrf(hypotheses, references)
    assert found == pytest.approx([25, 100 * (5 / 3) / (4 + 1 / 3), 100])
    alone = [chrf([h], [r]).value for h, r in zip(hypotheses, references, strict=True)]
    assert found == pytest.approx(alone)


@pytest.mark.parametrize(
    ("hypotheses", "references", "edits", "num_words"),
    [
        (["a b c d"], ["a b c d"], 0, 4),
        (["a x c"], ["a b c d"], 2, 4),  # one replaced, one missing
        (["c d e a b"], ["a b c d e"], 1, 5),  # a run of words that moves is one edit
        (["a b", "x"], ["a b c", "y"], 2, 4),  # summed over the corpus, not the mean of two
        (["a b c"], ["x"], 3, 1),  # more edits than words
        (["The Dog"], ["the dog"], 0, 2),  # lowercased
    ],
)
def test_ter_by_hand(
    hypotheses: list[str], references: list[str], edits: int, num_words: int
) -> None:
    assert ter(hypotheses, references).value == pytest.approx(100 * edits / num_words)


def test_perplexity_by_hand() -> None:
    # Three words, one word and two ends: six.
    assert perplexity_per_word(6 * math.log(50), ["a bb c", "d"]) == pytest.approx(50)


def test_bits_by_hand() -> None:
    # Two characters and one character, and two ends: five; a nat is 1.4427 bits.
    assert bits_per_character(5.0, ["한국", "a"]) == pytest.approx(1.442695)


def test_an_exact_match_by_hand() -> None:
    assert exact_match(["a", "b", "C"], ["a", "x", "c"]) == pytest.approx(1 / 3)
    assert exact_match([], []) == 0


def test_scores_of_each_label_by_hand() -> None:
    references = ["a", "a", "a", "a", "b", "b", "c"]
    hypotheses = ["a", "a", "a", "b", "b", "x", "a"]
    # a is chosen 4 times, 3 of them rightly, and is there 4 times; b 2, 1, 2; c is there once and
    # never chosen; x is chosen once and never there. F1 = 2 right / (chosen + there).
    assert scores_by_label(hypotheses, references) == {
        "a": {"precision": 3 / 4, "recall": 3 / 4, "f1": 6 / 8, "num_sentences": 4},
        "b": {"precision": 1 / 2, "recall": 1 / 2, "f1": 2 / 4, "num_sentences": 2},
        "c": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "num_sentences": 1},
        "x": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "num_sentences": 0},
    }


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    scores = scores_by_label(["a", "a", "a", "b"], ["a", "b", "b", "b"])
    assert scores["a"]["precision"] == pytest.approx(1 / 3)
    assert scores["a"]["recall"] == 1
    assert scores["b"]["precision"] == 1
    assert scores["b"]["recall"] == pytest.approx(1 / 3)
    for of in scores.values():
        mean = 2 * of["precision"] * of["recall"] / (of["precision"] + of["recall"])
        assert of["f1"] == pytest.approx(mean)


def test_labels_come_sorted_whatever_their_order() -> None:
    hypotheses, references = ["c", "b", "a"], ["b", "c", "d"]
    found = scores_by_label(hypotheses, references)
    assert list(found) == ["a", "b", "c", "d"]
    assert list(scores_by_label(hypotheses[::-1], references[::-1])) == list(found)
    assert scores_by_label([], []) == {}


def test_labels_without_reference_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        scores_by_label(["a", "b"], ["a"])


def test_hypotheses_without_reference_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        exact_match(["a", "b"], ["a"])


def test_a_perplexity_beyond_floats_is_no_error() -> None:
    assert perplexity_per_word(1600.0, ["字" * 200]) > 1e300


def test_a_sentences_own_bleu_by_hand() -> None:
    texts = ["a b c d", "a b c", "a b x"]
    found = sentence_bleu(texts, ["a b c d", "a b c", "a b c"])
    # Of three words there are no four in a row: (2/3 * 1/2 * half a match of 1) ** (1/3).
    assert found == pytest.approx([100, 100, 100 * (2 / 3 * 1 / 2 * 1 / 2) ** (1 / 3)])
