import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus, load_split
from pipeline.data.prepare import prepare
from pipeline.errors import ConfigError, DataError
from pipeline.tokenizer import TokenizerConfig


def write_dialogues(path: Path, rows: Sequence[Sequence[str]]) -> str:
    lines = [json.dumps({"turns": row}, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def write_pairs(path: Path, rows: Sequence[tuple[str, str]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("Q", "A"), *rows])
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    talk = write_dialogues(
        tmp_path / "talk.jsonl", [[f"hello {i}", f"hi {i}", f"bye {i}"] for i in range(40)]
    )
    pairs = write_pairs(tmp_path / "pairs.csv", [(f"질문 {i}", f"답 {i // 4}") for i in range(80)])
    return DataConfig(path=[talk, pairs], dialogue="turns", source="Q", target="A", held_out_rows=4)


def test_pairs_are_conversations_of_two_turns(config: DataConfig) -> None:
    corpus = load_corpus(config)
    assert list(corpus) == ["train", "validation", "test"]
    conversations = [turns for rows in corpus.values() for turns in rows["turns"]]
    assert len(conversations) == 120
    assert ["hello 7", "hi 7", "bye 7"] in conversations
    assert ["질문 7", "답 1"] in conversations


def test_each_corpus_is_split_by_itself_and_pairs_by_their_answer(config: DataConfig) -> None:
    corpus = load_corpus(config)
    answers = {
        split: {turns[1] for turns in rows["turns"] if turns[0].startswith("질문")}
        for split, rows in corpus.items()
    }
    assert all(answers.values())
    assert not answers["train"] & (answers["validation"] | answers["test"])
    for split in ("validation", "test"):
        assert len([turns for turns in corpus[split]["turns"] if len(turns) == 3]) == 4


def test_a_split_is_what_the_corpus_has_of_it(config: DataConfig) -> None:
    corpus = load_corpus(config)
    assert load_split(config, "test")["turns"] == corpus["test"]["turns"]


def test_a_split_that_one_of_them_lacks_is_left_out(config: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for split in ("train", "validation"):
        write_dialogues(folder / f"{split}.jsonl", [["a", split]])
    assert isinstance(config.path, list)
    mixed = replace(config, path=[str(folder), config.path[1]])
    assert list(load_corpus(mixed)) == ["train", "validation"]
    with pytest.raises(DataError, match=r"folder has no split 'test'; it has train, validation"):
        load_split(mixed, "test")


def test_what_was_read_is_not_read_again(
    config: DataConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(batch: object, *, columns: object, dialogue: object) -> None:
        raise AssertionError("mapped again")

    first = load_corpus(config)
    monkeypatch.setattr("pipeline.data.mixture._two_turns", refuse)
    again = load_corpus(config)
    assert again["train"]._fingerprint == first["train"]._fingerprint


def test_the_questions_of_pairs_have_pieces_too(config: DataConfig, tmp_path: Path) -> None:
    tokenizer = TokenizerConfig(vocab_size=320, model_type="bpe")
    prepared = prepare(replace(config, tokenizer=tokenizer), tmp_path / "tokenizers")
    # In the questions alone, never in an answer.
    assert "▁질문" in prepared.source_tokenizer.pieces(prepared.source_tokenizer.encode("질문 3"))


def test_a_small_corpus_is_gone_through_several_times(config: DataConfig, tmp_path: Path) -> None:
    tokenizer = TokenizerConfig(vocab_size=320, model_type="bpe")
    config = replace(config, tokenizer=tokenizer)
    once = prepare(config, tmp_path / "once")
    often = prepare(replace(config, repeats=[1, 3]), tmp_path / "often")
    talk, pairs = (len(corpus["train"]) for corpus in once.corpora)
    # Three turns are two pairs. Validation is what it was.
    assert (len(once.train), len(often.train)) == (2 * talk + pairs, 2 * talk + 3 * pairs)
    # Its pieces come from what is gone through, too.
    assert often.source_tokenizer.fingerprint != once.source_tokenizer.fingerprint
    assert len(often.validation) == len(once.validation) == len(often.validation_text)
    texts = [often.source_tokenizer.decode(ids) for ids in often.train["target_ids"]]
    counts = [texts.count(text) for text in sorted(set(texts)) if text.startswith("답")]
    assert all(count % 3 == 0 for count in counts)


@pytest.mark.parametrize("repeats", [[1], [1, 0], [1, 2, 3]])
def test_repeats_are_a_number_for_each_corpus(config: DataConfig, repeats: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"data\.repeats: expected"):
        replace(config, repeats=repeats)


def test_one_corpus_has_no_repeats() -> None:
    with pytest.raises(ConfigError, match=r"data\.repeats: expected with a list"):
        DataConfig(path="pairs.csv", repeats=[2])


def test_what_keeps_pairs_together_is_no_column_of_the_conversations(config: DataConfig) -> None:
    corpus = load_corpus(replace(config, split_by="Q"))
    answers = {
        split: {turns[1] for turns in rows["turns"] if turns[0].startswith("질문")}
        for split, rows in corpus.items()
    }
    assert answers["train"] & answers["test"]  # by the question, so not by the answer


def test_one_file_is_had_whole(config: DataConfig) -> None:
    assert isinstance(config.path, list)
    alone = replace(config, path=config.path[1:])
    assert len(load_split(alone, "test", whole_file=True)) == 80


def test_a_corpus_with_neither_is_an_error_that_names_it(
    config: DataConfig, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("x,y\n1,2\n", encoding="utf-8")
    assert isinstance(config.path, list)
    with pytest.raises(DataError, match=r"other.csv, line 2: no column '[QA]'; there are x, y"):
        load_corpus(replace(config, path=[config.path[0], str(other)]))


@pytest.mark.parametrize("path", [[], ["a", ""]])
def test_a_mixture_has_to_name_its_corpora(path: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"data\.path: expected a path"):
        DataConfig(path=path, dialogue="turns")
