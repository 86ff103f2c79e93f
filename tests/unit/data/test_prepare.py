import json
import logging
from dataclasses import replace
from pathlib import Path

import datasets
import pytest

from pipeline.context import fit_context
from pipeline.data.config import DataConfig
from pipeline.data.prepare import prepare
from pipeline.errors import ConfigError, DataError
from pipeline.tokenizer import TURN, TokenizerConfig, train_tokenizer

_TOKENIZER = TokenizerConfig(vocab_size=300, model_type="bpe", character_coverage=1.0)

_KINDS = ("ca", "ab ", "bc")


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    rows = [{"source": f"dog number {n}", "target": f"Hund {n}"} for n in range(100)]
    rows += [{"source": "", "target": "nothing"}, {"source": "  dog  ", "target": "Hund\t!"}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return DataConfig(path=str(path), held_out_rows=8, tokenizer=_TOKENIZER)


@pytest.fixture
def talk(tmp_path: Path) -> DataConfig:
    rows = [{"turns": [f"hello {n}", f"good day {n}", "and you?", "fine"]} for n in range(40)]
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return DataConfig(path=str(path), dialogue="turns", context_tokens=9, tokenizer=_TOKENIZER)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


@pytest.fixture
def labelled(tmp_path: Path) -> DataConfig:
    """Sentences that tell their label: ca, ab or bc."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    rows = [{"text": f"{'cab'[n % 3]} number {n}", "kind": _KINDS[n % 3]} for n in range(60)]
    _write(folder / "train.jsonl", [*rows[:40], {"text": "no label", "kind": " "}])
    _write(folder / "validation.jsonl", [*rows[40:], {"text": "an unknown one", "kind": "x"}])
    return DataConfig(
        path=str(folder), source="text", target="kind", task="classification", tokenizer=_TOKENIZER
    )


def _texts(pairs: datasets.Dataset, column: str) -> list[str]:
    return [str(text) for text in pairs[column]]


def test_ids_are_those_of_the_text(config: DataConfig, tmp_path: Path) -> None:
    corpus = prepare(config, tmp_path / "run")
    tokenizer = corpus.source_tokenizer
    assert corpus.target_tokenizer is tokenizer
    assert len(tokenizer) == 300
    text = corpus.validation_text
    assert len(corpus.validation) == len(text) == 8
    for column in ("source", "target"):
        encoded = [tokenizer.encode(line) for line in _texts(text, column)]
        assert list(corpus.validation[f"{column}_ids"]) == encoded
        assert list(corpus.validation[f"{column}_length"]) == [len(ids) for ids in encoded]
    sources = [tokenizer.decode(ids) for ids in corpus.train["source_ids"]]
    assert "" not in sources
    assert len(sources) + 8 + 8 == 101  # what is left of 102, with the test split
    assert not set(sources) & set(_texts(text, "source"))


def test_the_tokenizers_are_kept_for_the_next_session(config: DataConfig, tmp_path: Path) -> None:
    first = prepare(config, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["joint.model"]
    # Another vocabulary could not go on with the weights of the first.
    changed = replace(config, tokenizer=replace(_TOKENIZER, vocab_size=290))
    assert prepare(changed, tmp_path / "run").source_tokenizer.fingerprint == (
        first.source_tokenizer.fingerprint
    )
    assert len(prepare(changed, tmp_path / "other").source_tokenizer) == 290


def test_separate_vocabularies(config: DataConfig, tmp_path: Path) -> None:
    apart = replace(config, tokenizer=replace(_TOKENIZER, joint=False, vocab_size=290))
    corpus = prepare(apart, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"source.model", "target.model"}
    source, target = corpus.source_tokenizer, corpus.target_tokenizer
    assert source.fingerprint != target.fingerprint
    assert len(source.encode("dog number")) < len(target.encode("dog number"))
    assert list(corpus.validation["target_ids"]) == target.encode_batch(
        _texts(corpus.validation_text, "target")
    )


def test_a_dialogue_becomes_replies_to_what_fits(talk: DataConfig, tmp_path: Path) -> None:
    corpus = prepare(talk, tmp_path / "run")
    tokenizer = corpus.source_tokenizer
    sources = _texts(corpus.validation_text, "source")
    assert any(source.count(TURN) == 2 for source in sources)
    expected = [
        fit_context(ids, turn_id=tokenizer.turn_id, budget=9)
        for ids in tokenizer.encode_batch(sources)
    ]
    assert list(corpus.validation["source_ids"]) == expected
    assert max(map(len, expected)) <= 9


def test_what_is_too_long_is_left_out_and_said(
    config: DataConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    whole = prepare(config, tmp_path / "run")
    limit = max(whole.train["source_length"]) - 1
    cut = prepare(replace(config, max_tokens=limit), tmp_path / "run")
    assert 0 < len(cut.train) < len(whole.train)
    assert max(cut.train["source_length"]) == limit
    num_kept, num_too_long = len(cut.train), len(whole.train) - len(cut.train)
    assert f"{num_kept:,} kept, 1 empty, {num_too_long:,} too long" in caplog.text
    with pytest.raises(DataError, match="every pair of the split 'train' has more than"):
        prepare(replace(config, max_tokens=1), tmp_path / "run")


def test_a_vocabulary_that_does_not_suit_leaves_no_file(config: DataConfig, tmp_path: Path) -> None:
    large = replace(config, tokenizer=replace(_TOKENIZER, vocab_size=9000))
    with pytest.raises(ConfigError, match="data.tokenizer.vocab_size: 9000 is too large"):
        prepare(large, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def _label_of(source: str) -> str:
    return {kind[0]: kind.strip() for kind in _KINDS}[source[0]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, ["ab", "bc", "ca"]), (["bc", "ca", "ab"],) * 2, (["ca", "ab"],) * 2],
)
def test_labels_are_those_given_or_those_of_the_training_split(
    labelled: DataConfig, tmp_path: Path, given: list[str] | None, expected: list[str]
) -> None:
    corpus = prepare(replace(labelled, labels=given), tmp_path / "run")
    assert corpus.config == replace(labelled, labels=expected)
    for split, numbers in ((corpus.train, range(40)), (corpus.validation, range(40, 60))):
        sources = [corpus.source_tokenizer.decode(ids) for ids in split["source_ids"]]
        assert list(split["target_ids"]) == [
            [expected.index(_label_of(source))] for source in sources
        ]
        assert set(split["target_length"]) == {1}
        assert len(sources) == sum(_KINDS[n % 3].strip() in expected for n in numbers)


def test_a_validation_row_with_an_unknown_label_is_left_out(
    labelled: DataConfig, tmp_path: Path
) -> None:
    corpus = prepare(labelled, tmp_path / "run")
    assert "an unknown one" not in _texts(corpus.validation_text, "source")
    assert len(corpus.validation) == len(corpus.validation_text) == 20
    assert set(_texts(corpus.validation_text, "target")) == {"ab", "bc", "ca"}


def test_a_label_that_is_nowhere_in_training_is_said(labelled: DataConfig, tmp_path: Path) -> None:
    config = replace(labelled, labels=["ab", "x", "ca"])
    message = "^data.labels: no row of the training split has the label 'x'$"
    with pytest.raises(DataError, match=message):
        prepare(config, tmp_path / "run")


def test_one_label_is_nothing_to_choose_among(labelled: DataConfig, tmp_path: Path) -> None:
    rows = [{"text": f"a number {n}", "kind": "ab "} for n in range(40)]
    _write(Path(str(labelled.path)) / "train.jsonl", rows)
    message = "^data.target kind: expected two different labels or more .*, found ab$"
    with pytest.raises(DataError, match=message):
        prepare(labelled, tmp_path / "run")
    _write(Path(str(labelled.path)) / "train.jsonl", [{"text": "a", "kind": ""}])
    with pytest.raises(DataError, match="found none$"):
        prepare(labelled, tmp_path / "run")


def test_the_tokenizer_of_a_classifier_knows_nothing_of_labels(
    labelled: DataConfig, tmp_path: Path
) -> None:
    apart = replace(labelled, tokenizer=replace(_TOKENIZER, joint=False))
    corpus = prepare(apart, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["joint.model"]
    assert corpus.tokenizers == (corpus.source_tokenizer,)
    sources = [corpus.source_tokenizer.decode(ids) for ids in corpus.train["source_ids"]]
    alone = train_tokenizer(sources, apart.tokenizer)
    assert corpus.source_tokenizer.fingerprint == alone.fingerprint


def test_labels_in_another_order_are_other_ids(labelled: DataConfig, tmp_path: Path) -> None:
    one, other = (
        prepare(replace(labelled, labels=labels), tmp_path / "run").train["target_ids"][:]
        for labels in (["ab", "bc", "ca"], ["ca", "bc", "ab"])
    )
    assert one != other
    assert one == [[2 - label for label in ids] for ids in other]


def test_a_language_model_learns_its_text(config: DataConfig, tmp_path: Path) -> None:
    apart = replace(
        config, task="language_model", tokenizer=replace(_TOKENIZER, joint=False, vocab_size=290)
    )
    corpus = prepare(apart, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["joint.model"]
    tokenizer = corpus.target_tokenizer
    assert corpus.tokenizers == (tokenizer,)
    texts = [tokenizer.decode(ids) for ids in corpus.train["target_ids"]]
    assert len(texts) + 8 + 8 == 102  # with the test split
    assert set(texts) <= {"nothing", "Hund !", *(f"Hund {n}" for n in range(100))}
    assert tokenizer.fingerprint == train_tokenizer(texts, apart.tokenizer).fingerprint
    for split in (corpus.train, corpus.validation):
        assert list(split["source_ids"]) == list(split["target_ids"])
    validation = _texts(corpus.validation_text, "target")
    assert list(corpus.validation["target_ids"]) == tokenizer.encode_batch(validation)
    assert not set(texts) & set(validation)


@pytest.fixture
def languages(tmp_path: Path) -> DataConfig:
    rows = [{"en": f"dog {n}", "de": f"Hund {n}", "ko": f"개 {n}"} for n in range(60)]
    path = tmp_path / "languages.jsonl"
    _write(path, [*rows, {"en": "<2ko> cat", "ko": "고양이"}])
    return DataConfig(
        path=str(path), source="en", target=["de", "ko"], held_out_rows=5, tokenizer=_TOKENIZER
    )


def test_each_direction_is_learnt_with_its_tag(languages: DataConfig, tmp_path: Path) -> None:
    corpus = prepare(languages, tmp_path / "run")
    tokenizer = corpus.source_tokenizer
    assert tokenizer.languages == ("de", "ko")
    firsts = {tokenizer.tag_id("de"): ("Hund ",), tokenizer.tag_id("ko"): ("개 ", "고양이")}
    assert len(corpus.validation) == len(corpus.validation_text) == 10
    for split in (corpus.train, corpus.validation):
        for source_ids, target_ids in zip(split["source_ids"], split["target_ids"], strict=True):
            tag, *ids = source_ids
            assert tokenizer.decode(target_ids).startswith(firsts[tag])
            assert not set(firsts) & {*ids, *target_ids}


def test_the_tokenizer_learns_from_a_sentence_once(languages: DataConfig, tmp_path: Path) -> None:
    corpus = prepare(languages, tmp_path / "run")
    rows = corpus.corpora[0]["train"]
    texts = [row[column] for row in rows for column in ("en", "de", "ko") if row[column]]
    alone = train_tokenizer(sorted(texts), _TOKENIZER, languages=["de", "ko"])
    tokenizer = corpus.source_tokenizer
    assert set(tokenizer.pieces(range(300))) == set(alone.pieces(range(300)))


def test_a_direction_that_is_nowhere_in_training_is_said(
    languages: DataConfig, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="train: no row has text in the column 'kr'; expected pair"):
        prepare(replace(languages, target=["de", "kr"]), tmp_path / "run")
