import pytest

from pipeline.data.labels import Labels


def test_the_id_of_a_label_is_its_place() -> None:
    labels = Labels(["nein", "ja", "vielleicht"])
    assert labels.encode_batch(["ja", "nein", "vielleicht", "ja"]) == [[1], [0], [2], [1]]
    assert labels.encode_batch([]) == []


@pytest.mark.parametrize("other", [["b", "a"], ["a", "b", "c"], ["a"], ["a", "B"], ["a', 'b"]])
def test_the_fingerprint_differs_where_the_ids_do(other: list[str]) -> None:
    assert Labels(["a", "b"]).fingerprint == Labels(("a", "b")).fingerprint
    assert Labels(other).fingerprint != Labels(["a", "b"]).fingerprint
