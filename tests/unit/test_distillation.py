import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import distillation
from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.distillation import Teacher, write_distilled
from pipeline.errors import ConfigError, DataError

DESCRIPTION = {"teachers": ["a"], "beam_size": 5}


class Writer:
    """Writes in capitals, and falls ill after so many calls."""

    def __init__(self, healthy_calls: int = 100) -> None:
        self.healthy_calls = healthy_calls
        self.asked: list[str] = []

    def __call__(self, lines: Sequence[str]) -> list[list[str]]:
        if self.healthy_calls == 0:
            raise KeyboardInterrupt
        self.healthy_calls -= 1
        self.asked += lines
        return [[line.upper()] for line in lines]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    monkeypatch.setattr(distillation, "_LINES_AT_A_TIME", 4)
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = [{"t.de": f"satz {n // 2}", "t.en": f"sentence {n}"} for n in range(20)]
    for split, part in (("train", rows), ("validation", rows[:3]), ("test", rows[3:5])):
        text = "".join(json.dumps(row) + "\n" for row in part)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return DataConfig(path=str(folder), source="t.de", target="t.en")


def distil(folder: Path, config: DataConfig, writer: Writer, **options: Any) -> int:
    given: dict[str, Any] = {"description": DESCRIPTION, **options}
    return write_distilled(folder, config, [Teacher(writer)], **given)


def pairs(folder: Path, config: DataConfig, split: str) -> list[tuple[str, str]]:
    """As a training would read them."""
    rows = load_corpus(DataConfig(path=str(folder), source="t.de", target="t.en"))[split]
    return list(zip(rows["t.de"], rows["t.en"], strict=True))


def test_each_source_stands_once_with_what_the_teacher_says(
    config: DataConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "distilled"
    assert distil(folder, config, Writer()) == 10
    assert pairs(folder, config, "train") == [(f"satz {n}", f"SATZ {n}") for n in range(10)]


def test_the_other_splits_are_as_they_were(config: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "distilled"
    distil(folder, config, Writer())
    for split in ("validation", "test"):
        assert pairs(folder, config, split) == pairs(Path(str(config.path)), config, split)


def test_references_can_stand_beside_it(config: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "distilled"
    assert distil(folder, config, Writer(), with_references=True) == 30
    found = pairs(folder, config, "train")
    assert ("satz 3", "SATZ 3") in found
    assert ("satz 3", "sentence 6") in found
    assert ("satz 3", "sentence 7") in found


@pytest.mark.parametrize("with_references", [False, True])
def test_what_was_interrupted_goes_on_where_it_was(
    config: DataConfig, tmp_path: Path, with_references: bool
) -> None:
    options = {"with_references": with_references}
    uninterrupted = tmp_path / "uninterrupted"
    distil(uninterrupted, config, Writer(), **options)
    folder = tmp_path / "distilled"
    with pytest.raises(KeyboardInterrupt):
        distil(folder, config, Writer(healthy_calls=1), **options)
    assert not (folder / "train.jsonl").exists()
    with (folder / "teacher_1.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"t.de": "satz 4", "t.')  # the power failed here
    second = Writer()
    distil(folder, config, second, **options)
    assert second.asked == [f"satz {n}" for n in range(4, 10)]
    for path in uninterrupted.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert len(list(folder.iterdir())) == len(list(uninterrupted.iterdir()))


def test_what_is_done_is_not_done_again(config: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "distilled"
    distil(folder, config, Writer())
    assert distil(folder, config, Writer(healthy_calls=0)) == 10


def test_another_teacher_does_not_go_on_with_it(config: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "distilled"
    distil(folder, config, Writer())
    with pytest.raises(
        ConfigError, match=r"distilled holds .*: its teachers is \['a'\], not \['b'"
    ):
        distil(folder, config, Writer(), description={**DESCRIPTION, "teachers": ["b"]})


def test_a_folder_of_something_else_is_left_alone(config: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected an empty or a new folder"):
        distil(tmp_path, config, Writer())
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_several_write_one_after_another_and_some_backwards(
    config: DataConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "distilled"
    teachers = [
        Teacher(Writer()),
        Teacher(lambda lines: [[f"{line}!", line] for line in lines]),
        Teacher(Writer(), backwards=True),
    ]
    num_pairs = write_distilled(folder, config, teachers, description=DESCRIPTION)
    assert num_pairs == 10 + 10 + 20
    assert pairs(folder, config, "train") == [
        *((f"satz {n}", f"SATZ {n}") for n in range(10)),
        *((f"satz {n}", f"satz {n}!") for n in range(10)),
        *((f"SENTENCE {n}", f"sentence {n}") for n in range(20)),
    ]


def test_the_closest_to_a_reference_is_written(config: DataConfig, tmp_path: Path) -> None:
    proposed = {
        "satz 0": ["a sentence", "sentence 1", "sentence 0 or so"],  # references: sentence 0 and 1
        "satz 1": ["a sentence", "sentence 0", "sentence 3 or"],  # sentence 2 and 3
    }

    def propose(lines: Sequence[str]) -> list[list[str]]:
        return [proposed.get(line, ["nothing", "like it"]) for line in lines]

    folder = tmp_path / "distilled"
    options: dict[str, Any] = {"description": DESCRIPTION, "closest": True}
    write_distilled(folder, config, [Teacher(propose)], **options)
    found = [target for _, target in pairs(folder, config, "train")]
    assert found == ["sentence 1", "sentence 3 or", *["nothing"] * 8]


def test_what_the_first_has_written_is_kept_when_the_second_is_interrupted(
    config: DataConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "distilled"
    ill = [Teacher(Writer()), Teacher(Writer(healthy_calls=2), backwards=True)]
    with pytest.raises(KeyboardInterrupt):
        write_distilled(folder, config, ill, description=DESCRIPTION)
    first, second = Writer(healthy_calls=0), Writer()
    teachers = [Teacher(first), Teacher(second, backwards=True)]
    assert write_distilled(folder, config, teachers, description=DESCRIPTION) == 30
    assert second.asked == [f"sentence {n}" for n in range(8, 20)]
