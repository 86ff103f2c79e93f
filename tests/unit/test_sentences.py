import pytest

from pipeline.hypothesis import Hypothesis
from pipeline.sentences import Candidate, best_candidates, read_sentences, target_text
from pipeline.tokenizer import UNK_ID, Tokenizer


def test_lines_that_hold_text_are_read_as_far_as_they_may_be(
    tiny_tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["", "Two", " \t", "Two  children\n"]
    found = read_sentences(lines, tiny_tokenizer, tag_ids=[5], max_tokens=2)
    assert [(each.line, each.text) for each in found] == [(1, "Two"), (3, "Two children")]
    for each in found:
        assert each.ids == [5, *tiny_tokenizer.encode(each.text)[:2]]
    assert all("only the first 2 of" in message for message in caplog.messages)
    assert len(caplog.messages) == sum(len(tiny_tokenizer.encode(each.text)) > 2 for each in found)


def test_attention_is_asked_for_where_something_is_unknown_alone(
    tiny_tokenizer: Tokenizer,
) -> None:
    (sentence,) = read_sentences(["Two dogs"], tiny_tokenizer, tag_ids=[5], max_tokens=9)
    asked = []

    def look(source_ids: object, target_ids: object) -> list[list[float]]:
        asked.append((source_ids, target_ids))
        num_pieces = len(sentence.text_ids)
        # It looks at the last piece most but for the tag before and the EOS behind all.
        return [[9.0, *[0.1] * (num_pieces - 1), 1.0, 9.0]] * 2

    def text(ids: list[int]) -> str:
        return target_text(
            sentence, ids, look, source_tokenizer=tiny_tokenizer, target_tokenizer=tiny_tokenizer
        )

    assert text(tiny_tokenizer.encode("grass")) == "grass"
    assert not asked
    assert text([UNK_ID]) == "dogs"
    assert asked == [(sentence.ids, [UNK_ID])]


def test_a_text_that_comes_twice_has_its_better_score() -> None:
    nbest = [Hypothesis([i], 0.0, score) for i, score in enumerate((-1.0, -2.0, -3.0))]
    assert best_candidates(["a", "b", "a"], nbest) == [Candidate("a", -1.0), Candidate("b", -2.0)]
