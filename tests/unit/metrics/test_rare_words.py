from pipeline.metrics import FrequencyBin, recall_by_frequency, word_counts


def test_words_are_counted_without_the_punctuation_that_clings_to_them() -> None:
    counts = word_counts(["A dog, a dog.", "Dog!"])
    assert counts == {"A": 1, "dog": 2, ",": 1, "a": 1, ".": 1, "Dog": 1, "!": 1}


def test_recall_by_hand() -> None:
    training = {"the": 51, "runs": 50, "dog": 6, "cat": 5, "owl": 1}
    found = recall_by_frequency(
        ["the the dog", "a cat runs runs", "gnu"],
        ["the dog the the", "owl cat runs", "gnu yak"],
        training,
    )
    assert found == [
        FrequencyBin("0", 2, 1 / 2),  # gnu, and yak, which is missing
        FrequencyBin("1-5", 2, 1 / 2),  # cat, and owl, which is missing
        FrequencyBin("6-50", 2, 2 / 2),  # dog, runs: the second "runs" counts for nothing
        FrequencyBin("over 50", 3, 2 / 3),  # "the" three times, found twice
    ]


def test_a_word_is_found_in_its_own_sentence_only() -> None:
    assert recall_by_frequency(["cat", "dog"], ["dog", "dog"], {}) == [FrequencyBin("0", 2, 1 / 2)]


def test_bins_without_words_are_left_out() -> None:
    bins = recall_by_frequency(["a"], ["a b"], {"a": 60, "b": 60})
    assert bins == [FrequencyBin("over 50", 2, 0.5)]
    assert recall_by_frequency([""], [""], {}) == []
