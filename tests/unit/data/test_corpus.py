import functools
import http.server
import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.config import DataConfig
from pipeline.data.corpus import is_single_file, load_corpus, load_split
from pipeline.errors import ConfigError, DataError

Rows = list[dict[str, Any]]


def numbered(start: int, stop: int) -> Rows:
    return [{"id": n, "source": f"s{n}", "target": f"t{n}"} for n in range(start, stop)]


def write(path: Path, rows: Rows) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def sizes(corpus: dict[str, datasets.Dataset]) -> dict[str, int]:
    return {name: len(rows) for name, rows in corpus.items()}


def error(config: DataConfig, split: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        _ = load_corpus(config) if split is None else load_split(config, split)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "dev", "pairs-Dev"])
def test_a_folder_has_its_splits_by_file_name(tmp_path: Path, validation: str) -> None:
    folder = tmp_path / "corpus"
    write(folder / "train.jsonl", numbered(0, 5))
    write(folder / f"{validation}.jsonl", numbered(5, 7))
    write(folder / "test.jsonl", numbered(7, 8))
    (folder / "LICENSE").write_text("x")
    (folder / "LICENSE.train").write_text("x")
    (folder / "ABOUT.txt").write_text("x")
    corpus = load_corpus(DataConfig(path=str(folder)))
    assert list(corpus) == ["train", "validation", "test"]
    assert sizes(corpus) == {"train": 5, "validation": 2, "test": 1}
    assert corpus["test"][:] == {"source": ["s7"], "target": ["t7"]}


def test_shards_of_a_split_are_joined_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    write(folder / "train-00001-of-00002.jsonl", numbered(3, 5))
    write(folder / "train-00000-of-00002.jsonl", numbered(0, 3))
    write(folder / "dev.jsonl", numbered(7, 8))
    corpus = load_corpus(DataConfig(path=str(folder)))
    assert list(corpus["train"]["source"]) == [f"s{n}" for n in range(5)]


def test_two_formats_of_one_split_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", numbered(0, 5))
    (tmp_path / "train.csv").write_text("source,target\na,b\n")
    assert "train.csv, train.jsonl" in error(DataConfig(path=str(tmp_path)))


def test_a_folder_with_one_file_of_any_name_is_split(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    write(folder / "ChatbotData.jsonl", numbered(0, 50))
    (folder / "LICENSE").write_text("x")
    assert sizes(load_corpus(DataConfig(path=str(folder)))) == {
        "train": 40,
        "validation": 5,
        "test": 5,
    }


def test_a_folder_without_data_says_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    assert error(DataConfig(path=str(folder))).endswith("found none")
    write(folder / "one.jsonl", numbered(0, 5))
    write(folder / "two.jsonl", numbered(0, 5))
    assert error(DataConfig(path=str(folder))).endswith("found one.jsonl, two.jsonl")


def test_without_test_none_is_invented_where_validation_is(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", numbered(0, 20))
    write(tmp_path / "validation.jsonl", numbered(20, 25))
    config = DataConfig(path=str(tmp_path))
    assert sizes(load_corpus(config)) == {"train": 20, "validation": 5}
    assert error(config, "test").endswith("has no split 'test'; it has train, validation")


def test_without_validation_it_comes_out_of_train(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", numbered(0, 20))
    write(tmp_path / "test.jsonl", numbered(20, 25))
    assert sizes(load_corpus(DataConfig(path=str(tmp_path)))) == {
        "train": 18,
        "validation": 2,
        "test": 5,
    }


def test_without_train_there_is_only_what_there_is(tmp_path: Path) -> None:
    write(tmp_path / "test.jsonl", numbered(0, 20))
    config = DataConfig(path=str(tmp_path))
    assert error(config).endswith("has no split 'train'; it has test")
    assert len(load_split(config, "test")) == 20


def test_a_split_is_the_same_alone_and_with_the_others(tmp_path: Path) -> None:
    config = DataConfig(path=write(tmp_path / "a.jsonl", numbered(0, 200)), held_out_rows=7)
    corpus = load_corpus(config)
    assert sizes(corpus) == {"train": 186, "validation": 7, "test": 7}
    for name, rows in corpus.items():
        assert load_split(config, name)[:] == rows[:]
    assert error(config, "dev").endswith("no split 'dev'; it has train, validation, test")


def test_one_split_is_read_without_the_others(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [{"broken": None}])
    write(tmp_path / "test.jsonl", numbered(0, 3))
    assert len(load_split(DataConfig(path=str(tmp_path)), "test")) == 3


def test_a_single_file_can_be_had_whole(tmp_path: Path) -> None:
    config = DataConfig(path=write(tmp_path / "a.jsonl", numbered(0, 20)), split_by="nowhere")
    assert len(load_split(config, "test", whole_file=True)) == 20


def test_a_folder_is_never_had_whole(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", numbered(0, 20))
    config = DataConfig(path=str(tmp_path))
    assert not is_single_file(config.path)
    assert len(load_split(config, "test", whole_file=True)) == 2


@pytest.mark.parametrize(
    ("task", "split_by", "kept_together"),
    [("translation", None, "source"), ("chat", None, "target"), ("translation", "id", "id")],
)
def test_rows_that_share_a_value_stay_together(
    tmp_path: Path, task: Any, split_by: str | None, kept_together: str
) -> None:
    rows = [
        {"source": f"s {n % 40} ", "target": f"t{n % 30}", "id": n % 50, "n": n} for n in range(200)
    ]
    path = write(tmp_path / "a.jsonl", rows)
    config = DataConfig(path=path, task=task, split_by=split_by)
    corpus = load_corpus(config)
    assert corpus["train"].column_names == ["source", "target"]
    value_of = {(row["source"], row["target"]): row[kept_together] for row in rows}
    values = [{value_of[row["source"], row["target"]] for row in part} for part in corpus.values()]
    if kept_together != "id":
        assert sum(map(len, values)) == len(set.union(*values))
    assert sum(sizes(corpus).values()) == 200


def test_a_missing_column_to_split_by_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", numbered(0, 20))
    assert "no column 'speaker'" in error(DataConfig(path=path, split_by="speaker"))


def test_repeated_dialogues_stay_together(tmp_path: Path) -> None:
    rows = [{"dialogue": ["hi", f"answer {n % 30}"]} for n in range(90)]
    path = write(tmp_path / "a.jsonl", rows)
    corpus = load_corpus(DataConfig(path=path, dialogue="dialogue"))
    held = {name: {tuple(turns) for turns in part["dialogue"]} for name, part in corpus.items()}
    assert sum(map(len, held.values())) == 30
    assert corpus["train"].column_names == ["dialogue"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = [{"source": f"s{n} é", "target": "NA"} for n in range(5)]
    path = tmp_path / name
    match path.suffix:
        case ".jsonl":
            write(path, rows)
        case ".json":
            path.write_text(json.dumps(rows))
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case suffix:
            comma = "," if suffix == ".csv" else "\t"
            lines = [comma.join(row.values()) for row in [{"a": "source", "b": "target"}, *rows]]
            path.write_text("\n".join(lines), encoding="utf-8")
    assert list(load_split(DataConfig(path=str(path)), "train", whole_file=True)) == rows


def test_two_aligned_files_are_columns(tmp_path: Path) -> None:
    (tmp_path / "a.de").write_text("x\u2028y\nb\n", encoding="utf-8")
    (tmp_path / "b.en").write_text("c\r\nd", encoding="utf-8")
    path = [str(tmp_path / "a.de"), str(tmp_path / "b.en")]
    config = DataConfig(path=path, source="de", target="en")
    rows = load_split(config, "test", whole_file=True)
    assert rows[:] == {"de": ["x\u2028y", "b"], "en": ["c", "d"]}


def test_a_key_inside_a_column_has_a_dotted_name(tmp_path: Path) -> None:
    rows = [{"translation": {"de": f"d{n}", "en": f"e{n}"}, "x": 1} for n in range(3)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    for file in (str(path), write(tmp_path / "a.jsonl", rows)):
        config = DataConfig(path=file, source="translation.de", target="translation.en")
        loaded = load_split(config, "all", whole_file=True)
        assert loaded[1] == {"translation.de": "d1", "translation.en": "e1"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"source": 5, "target": "t"}, "line 2: column 'source': expected text, got a number (5)"),
        ({"source": "s", "target": None}, "line 2: column 'target': expected text, got null"),
        ({"source": ["s"], "target": "t"}, "column 'source': expected text, got a list"),
        ({"source": {}, "target": "t"}, "column 'source': expected text, got an object"),
        ({"source": True, "target": "t"}, "expected text, got a boolean (true)"),
        ({"sorce": "s", "target": "t"}, "no column 'source'; there are sorce, target, nearest is"),
        ({"x": "s", "target": "t"}, "line 2: no column 'source'; there are x, target"),
        ({}, "line 2: no column 'source'; the row is empty"),
    ],
)
def test_a_row_that_is_not_text_is_named(
    tmp_path: Path, row: dict[str, Any], expected: str
) -> None:
    path = write(tmp_path / "a.jsonl", [{"source": "s", "target": "t"}, row])
    message = error(DataConfig(path=path))
    assert message.startswith(f"{path}, line 2: ")
    assert expected in message


@pytest.mark.parametrize(
    ("dialogue", "expected"),
    [
        ("hi", "column 'dialogue': expected a list of turns, got text"),
        (["hi", 5], "column 'dialogue', turn 2: expected text, got a number (5)"),
        (None, "column 'dialogue': expected a list of turns, got null"),
    ],
)
def test_a_dialogue_that_is_not_turns_is_named(
    tmp_path: Path, dialogue: object, expected: str
) -> None:
    path = write(tmp_path / "a.jsonl", [{"dialogue": dialogue}])
    assert expected in error(DataConfig(path=path, dialogue="dialogue"))


def test_parquet_rows_are_named_too(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"source": ["a", None], "target": ["b", "c"], "more": [1, 2]}), path)
    assert "row 2: column 'source': expected text, got null" in error(DataConfig(path=str(path)))
    config = DataConfig(path=str(path), source="src")
    assert "no column 'src'; there are source, target, more" in error(config)


def series(path: Path, cells: Iterable[object]) -> DataConfig:
    path.write_text("\n".join(["value", *map(str, cells)]) + "\n", encoding="utf-8")
    return DataConfig(path=str(path), target="value", task="forecast", held_out_rows=5)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_cells_of_a_table_are_numbers(tmp_path: Path, name: str) -> None:
    cells = ["3", "-2.5", " 1e3 ", "+.5", "0"]
    rows = load_split(series(tmp_path / name, cells), "all", whole_file=True)
    assert rows[:] == {"value": [3.0, -2.5, 1000.0, 0.5, 0.0]}


def test_numbers_of_json_and_parquet_are_numbers(tmp_path: Path) -> None:
    rows: Rows = [{"value": n, "text": "t"} for n in (1, -2, 3)]
    parquet = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    for path in (write(tmp_path / "a.jsonl", [*rows[:2], {"value": "3.0"}]), str(parquet)):
        config = DataConfig(path=path, target="value", task="forecast")
        loaded = load_split(config, "all", whole_file=True)
        assert loaded.column_names == ["value"]
        assert list(loaded["value"]) == [1.0, -2.0, 3.0]


@pytest.mark.parametrize(
    "cell", ["3,5", "abc", '""', "1_000", "nan", "inf", "-Infinity", "1 2", "3°"]
)
def test_a_cell_that_is_no_number_is_named(tmp_path: Path, cell: str) -> None:
    config = series(tmp_path / "a.csv", [1, 2, f'"{cell}"' if "," in cell else cell, 4])
    found = cell.strip('"')
    expected = f"{config.path}, line 4: column 'value': expected a number, got '{found}'"
    assert error(config) == expected


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "null"),
        ([1], "a list"),
        ({}, "an object"),
        ("", "''"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "a boolean (true)"),
        pytest.param(1e300, "1e+300", id="beyond float32"),
        pytest.param(10**400, "a number", id="beyond floats"),
    ],
)
def test_a_value_that_is_no_number_is_named(tmp_path: Path, value: object, found: str) -> None:
    path = write(tmp_path / "a.jsonl", [{"value": 1}, {"value": value}])
    message = error(DataConfig(path=path, target="value", task="forecast"))
    assert message.startswith(f"{path}, line 2: column 'value': expected a number, got {found}")


def test_a_missing_column_of_numbers_is_said(tmp_path: Path) -> None:
    config = series(tmp_path / "a.csv", range(30))
    message = error(DataConfig(path=config.path, target="values", task="forecast"))
    assert message.endswith("line 2: no column 'values'; there are value, nearest is 'value'")


def test_a_series_is_split_in_the_order_of_time(tmp_path: Path) -> None:
    numbers = [float(n * 37 % 101) for n in range(100)]  # and not in the order of their size
    config = series(tmp_path / "a.csv", numbers)
    corpus = load_corpus(config)
    assert list(corpus) == ["train", "validation", "test"]
    assert [list(part["value"]) for part in corpus.values()] == [
        numbers[:90],
        numbers[90:95],
        numbers[95:],
    ]
    for name, rows in corpus.items():
        assert load_split(config, name)[:] == rows[:]


def test_of_a_series_with_a_test_only_validation_is_held_out(tmp_path: Path) -> None:
    series(tmp_path / "train.csv", range(50))
    series(tmp_path / "test.csv", [7, 6])
    corpus = load_corpus(DataConfig(path=str(tmp_path), target="value", task="forecast"))
    assert {name: list(part["value"]) for name, part in corpus.items()} == {
        "train": list(range(45)),
        "validation": list(range(45, 50)),
        "test": [7, 6],
    }


def test_whole_numbers_are_labels_as_in_a_table(tmp_path: Path) -> None:
    labels = [0, 1, -2, "0", "ja"]
    rows = [{"source": f"s{n}", "target": label} for n, label in enumerate(labels)]
    config = DataConfig(path=write(tmp_path / "a.jsonl", rows), task="classification")
    loaded = load_split(config, "all", whole_file=True)
    assert list(loaded["target"]) == ["0", "1", "-2", "0", "ja"]
    lines = [f"{row['source']},{row['target']}" for row in rows]
    (tmp_path / "a.csv").write_text("\n".join(["source,target", *lines]), encoding="utf-8")
    table = DataConfig(path=str(tmp_path / "a.csv"), task="classification")
    assert load_split(table, "all", whole_file=True)[:] == loaded[:]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"source": "s", "target": 0.5}, "column 'target': expected text, got a number (0.5)"),
        ({"source": "s", "target": None}, "column 'target': expected text, got null"),
        ({"source": 5, "target": 1}, "column 'source': expected text, got a number (5)"),
        ({"source": "s", "target": True}, "column 'target': expected text, got a boolean (true)"),
    ],
)
def test_what_is_no_label_is_named(tmp_path: Path, row: dict[str, Any], expected: str) -> None:
    path = write(tmp_path / "a.jsonl", [{"source": "s", "target": 1}, row])
    assert error(DataConfig(path=path, task="classification")) == f"{path}, line 2: {expected}"


def test_rows_of_a_classifier_stay_together_by_their_text(tmp_path: Path) -> None:
    rows = [{"source": f"s{n % 40}", "target": n % 3} for n in range(200)]
    path = write(tmp_path / "a.jsonl", rows)
    corpus = load_corpus(DataConfig(path=path, task="classification"))
    held = [set(part["source"]) for part in corpus.values()]
    assert sum(map(len, held)) == len(set.union(*held)) == 40
    assert set(corpus["train"]["target"]) == {"0", "1", "2"}


def test_a_language_model_needs_only_its_text(tmp_path: Path) -> None:
    rows = [{"text": f"t{n % 40}", "source": None} for n in range(200)]
    config = DataConfig(
        path=write(tmp_path / "a.jsonl", rows), target="text", task="language_model"
    )
    corpus = load_corpus(config)
    assert corpus["train"].column_names == ["text"]
    held = [set(part["text"]) for part in corpus.values()]
    assert sum(map(len, held)) == len(set.union(*held)) == 40  # a text is in one split alone
    assert sum(sizes(corpus).values()) == 200


def test_one_file_is_read_anew_for_another_task(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"source": f"{n}", "target": f"{n}"} for n in range(30)])
    as_text = load_split(DataConfig(path=path, task="language_model"), "all", whole_file=True)
    as_number = load_split(DataConfig(path=path, task="forecast"), "all", whole_file=True)
    assert (as_text[7], as_number[7]) == ({"target": "7"}, {"target": 7.0})


def test_lone_surrogates_become_replacement_characters(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(r'{"source": "a\ud83d", "target": "b"}')
    rows = load_split(DataConfig(path=str(path)), "x", whole_file=True)
    assert rows[0] == {"source": "a\ufffd", "target": "b"}


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", ""), ("a.json", "[]"), ("a.csv", "source,target\n"), ("a.tsv", "\n\n")],
)
def test_an_empty_corpus_is_said(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert error(DataConfig(path=str(path))) == f"data.path: {path}: no rows in split 'train'"


@pytest.mark.parametrize("path", ["nowhere.jsonl", "./nowhere", "/no/where", "~/no", "a/b/c", "n/"])
def test_a_missing_local_path_is_no_hub_name(path: str) -> None:
    assert error(DataConfig(path=path)) == f"data.path: {path}: no such file or folder"


def test_a_missing_aligned_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.de").write_text("x\n")
    missing = str(tmp_path / "b.en")
    config = DataConfig(path=[str(tmp_path / "a.de"), missing])
    assert error(config) == f"data.path: {missing}: no such file"


@pytest.mark.parametrize("path", ["", ["", "a"], ["a"], []])
def test_a_path_has_to_be_given(path: Any) -> None:
    with pytest.raises(ConfigError, match=r"data\.path"):
        DataConfig(path=path)


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.jsonl", numbered(0, 20))
    first = load_corpus(DataConfig(path=path))
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.data.origins.read_rows", None)
        again = load_corpus(DataConfig(path=path))
    assert again["train"]._fingerprint == first["train"]._fingerprint
    write(Path(path), [*numbered(0, 19), {"source": "other", "target": "new"}])
    assert "new" in [
        row["target"] for rows in load_corpus(DataConfig(path=path)).values() for row in rows
    ]


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_corpus(DataConfig(path=write(tmp_path / "a.jsonl", numbered(0, 20))))
    assert capfd.readouterr() == ("", "")


def test_a_phrasebook_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "book"
    (book / "frames").mkdir(parents=True)
    (book / "fillers").mkdir()
    (book / "frames" / "a.txt").write_text("first")
    config = DataConfig(path=str(book), source="ko", target="en")
    expanded = {name: [{"en": name, "ko": "k"}] for name in ("train", "validation", "test")}
    name = "pipeline.data.phrasebook.expand_phrasebook"
    monkeypatch.setattr(name, lambda folder: expanded)
    for split, rows in load_corpus(config).items():
        assert rows[:] == {"ko": ["k"], "en": [split]}
    expanded = {}
    assert load_split(config, "test")["en"][0] == "test"
    (book / "frames" / "a.txt").write_text("second")
    with pytest.raises(KeyError):
        load_split(config, "test")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_a_url_is_a_file(tmp_path: Path, server: str) -> None:
    write(tmp_path / "a.jsonl", numbered(0, 20))
    config = DataConfig(path=f"{server}/a.jsonl?raw=true")
    assert sizes(load_corpus(config)) == {"train": 16, "validation": 2, "test": 2}
    assert is_single_file(config.path)
    assert load_split(config, "all", whole_file=True)[3] == {"source": "s3", "target": "t3"}


def test_what_a_url_holds_is_called_by_the_url(tmp_path: Path, server: str) -> None:
    write(tmp_path / "a.jsonl", [{"source": 1, "target": ""}])
    url = f"{server}/a.jsonl"
    assert error(DataConfig(path=url)).startswith(f"{url}, line 1: column 'source'")


def test_a_row_may_lack_a_language(tmp_path: Path) -> None:
    rows: Rows = [{"en": "a", "de": "b"}, {"en": "c", "cs": None}, {"cs": "d", "other": 1}]
    config = DataConfig(path=write(tmp_path / "a.jsonl", rows), source="en", target=["de", "cs"])
    found = load_split(config, "all", whole_file=True)
    assert found[:] == {"en": ["a", "c", ""], "de": ["b", "", ""], "cs": ["", "", "d"]}


def test_a_sentence_of_a_language_is_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"en": "a", "de": ["b"]}])
    message = error(DataConfig(path=path, source="en", target=["de"]), "train")
    assert message.endswith("a.jsonl, line 1: column 'de': expected text, got a list")


def test_three_aligned_files_are_three_languages(tmp_path: Path) -> None:
    paths = [tmp_path / f"a.{language}" for language in ("en", "de", "fr")]
    for path in paths:
        path.write_text("".join(f"{path.suffix} {n}\n" for n in range(9)))
    config = DataConfig(path=list(map(str, paths)), source="en", target=["de", "fr"])
    assert load_split(config, "x", whole_file=True)[1] == {
        "en": ".en 1",
        "de": ".de 1",
        "fr": ".fr 1",
    }
    paths[2].write_text("one line\n")
    expected = f"{paths[0]} has 9 lines and {paths[2]} has 1 lines; expected the same number"
    assert error(config).startswith(expected)


def test_no_sentence_of_any_language_is_on_both_sides_of_a_split(tmp_path: Path) -> None:
    rows: Rows = [
        {"en": f"e{n % 90}", "ko": f"k{n % 70}" if n % 3 else "", "id": n} for n in range(600)
    ]
    rows += [{"en": f"x{n}", "ko": f"y{n // 2}"} for n in range(200)]
    path = write(tmp_path / "a.jsonl", rows)
    languages = ["en", "ko"]
    config = DataConfig(path=path, source=languages, target=languages, held_out_rows=20)
    corpus = load_corpus(config)
    assert sum(sizes(corpus).values()) == 800
    assert len(corpus["test"]) >= 20
    for language in languages:
        train, validation, test = (set(corpus[name][language]) - {""} for name in corpus)
        assert not train & validation
        assert not train & test
        assert not validation & test


def test_the_same_text_in_another_language_is_another_sentence(tmp_path: Path) -> None:
    rows: Rows = [{"en": f"{n}", "ko": f"{n + 1}"} for n in range(40)]  # a chain, were it the same
    path = write(tmp_path / "a.jsonl", rows)
    corpus = load_corpus(DataConfig(path=path, source=["en", "ko"], target=["en", "ko"]))
    assert sizes(corpus) == {"train": 32, "validation": 4, "test": 4}
