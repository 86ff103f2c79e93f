from pipeline.known_words import KnownWords


def test_words_are_numbered_as_they_come_and_learnt_once() -> None:
    learnt: list[str] = []
    known = KnownWords[str](most=10, learn=learnt.extend, forget=learnt.clear)
    assert known.numbers(["b", "a", "b"]).tolist() == [0, 1, 0]
    assert known.numbers(["c", "a", "c", "d"]).tolist() == [2, 1, 2, 3]
    assert known.numbers([]).tolist() == []
    assert learnt == ["b", "a", "c", "d"]


def test_of_too_many_all_are_forgotten_when_new_ones_come() -> None:
    learnt: list[str] = []
    known = KnownWords[str](most=2, learn=learnt.extend, forget=learnt.clear)
    known.numbers(["a", "b"])
    known.numbers(["c"])
    assert learnt == ["a", "b", "c"]  # two are not too many
    assert known.numbers(["c", "b"]).tolist() == [2, 1]
    assert known.numbers(["b", "d"]).tolist() == [0, 1]
    assert learnt == ["b", "d"]
