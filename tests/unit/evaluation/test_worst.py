from pipeline.evaluation import Pairs
from pipeline.evaluation.worst import worst_translations


def test_the_worst_come_first_and_no_more_than_asked_for() -> None:
    sources = ["one", "two", "three"]
    pairs = Pairs(split="test", sources=sources, references=["a red dog", "a cat", "a bird"])
    hypotheses = ["a red dog", "something else", "a bat"]
    worst = worst_translations(pairs, hypotheses, 2)
    assert [(each.source, each.reference, each.hypothesis) for each in worst] == [
        ("two", "a cat", "something else"),
        ("three", "a bird", "a bat"),
    ]
    assert worst[0].chrf < worst[1].chrf < 100
    assert worst_translations(pairs, hypotheses, 9)[-1].chrf == 100
