import re
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.text import replace_surrogates
from pipeline.tokenizer import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    TURN,
    UNK_ID,
    Tokenizer,
    TokenizerConfig,
    shown_tag,
    train_tokenizer,
)

ModelType = Literal["unigram", "bpe"]
SENTENCES = [
    "The little dog runs over the green grass.",
    "A man in a red shirt is riding a bicycle.",
    "Two children are playing in the water today!",
    "Where is the next railway station, please?",
    "Ein kleiner Hund läuft über das grüne Gras.",
    "강아지가 풀밭에서 뛰어다녀요.",
    "안녕하세요, 만나서 반갑습니다.",
]
_TRAINED: dict[ModelType, Tokenizer] = {}
model_types = pytest.mark.parametrize("model_type", ["unigram", "bpe"])
SPECIAL = "\u2581\uffff01\x00\n \t<turn>\ufeff한ㅋ😀\u0301"
texts = st.text(alphabet=st.characters()) | st.text(alphabet=st.sampled_from(SPECIAL))


def config(vocab_size: int = 330, **values: Any) -> TokenizerConfig:
    return TokenizerConfig(vocab_size=vocab_size, **{"character_coverage": 1.0, **values})


def tokenizer(model_type: ModelType = "unigram") -> Tokenizer:
    if model_type not in _TRAINED:
        _TRAINED[model_type] = train_tokenizer(SENTENCES, config(model_type=model_type))
    return _TRAINED[model_type]


@model_types
@given(texts)
@example("")
@example(" ")
@example("  two  spaces  ")
@example("\u2581")
@example("\uffff1\uffff0\u2581\uffff")
@example("👩🏽‍🚀 ㅋㅋ 한국어 שלום")
@example("\x00\r\n\u2028")
@example("\ud83d\ude00 \udfff")
@example(f"{TURN}{TURN} <turn")
def test_any_text_comes_back(model_type: ModelType, text: str) -> None:
    trained = tokenizer(model_type)
    ids = trained.encode(text)
    assert trained.decode(ids) == replace_surrogates(text)
    assert UNK_ID not in ids


@given(st.lists(texts, max_size=4))
def test_a_batch_is_encoded_as_its_texts_are(batch: list[str]) -> None:
    trained = tokenizer()
    assert trained.encode_batch(batch) == [trained.encode(text) for text in batch]


@model_types
def test_the_special_ids_are_fixed(model_type: ModelType) -> None:
    trained = tokenizer(model_type)
    assert (PAD_ID, UNK_ID, BOS_ID, EOS_ID) == (0, 1, 2, 3)
    assert trained.pieces([PAD_ID, UNK_ID, BOS_ID, EOS_ID]) == ["<pad>", "<unk>", "<s>", "</s>"]
    assert trained.pieces([trained.turn_id]) == [TURN]
    assert trained.turn_id > EOS_ID


@model_types
def test_the_turn_symbol_is_one_id(model_type: ModelType) -> None:
    trained = tokenizer(model_type)
    assert trained.encode(f"The dog {TURN} A man").count(trained.turn_id) == 1
    assert trained.encode("The dog turn").count(trained.turn_id) == 0


def test_special_ids_decode_to_nothing() -> None:
    trained = tokenizer()
    ids = trained.encode("The dog")
    assert trained.decode([BOS_ID, *ids, EOS_ID, PAD_ID, PAD_ID]) == "The dog"


@pytest.mark.parametrize("character", ["😀", "\u2581", "\uffff"])
def test_what_is_spelt_in_part_decodes_to_the_replacement_character(character: str) -> None:
    trained = tokenizer()
    ids = trained.encode(character)
    for num_ids in range(1, len(ids)):
        assert set(trained.decode(ids[:num_ids]).strip()) <= {"\ufffd"}
    assert set(trained.decode(ids[:-1])) == {"\ufffd"}


@model_types
@pytest.mark.parametrize("vocab_size", [10, 290, 5000])
def test_the_size_that_an_error_names_works(model_type: ModelType, vocab_size: int) -> None:
    with pytest.raises(ConfigError) as caught:
        train_tokenizer(SENTENCES, config(vocab_size, model_type=model_type))
    message = str(caught.value)
    assert message.startswith(f"data.tokenizer.vocab_size: {vocab_size} is ")
    match = re.search(r"at (most|least) (\d+)$", message)
    assert match is not None
    assert match[1] == ("least" if vocab_size < 1000 else "most")
    named = int(match[2])
    assert len(train_tokenizer(SENTENCES, config(named, model_type=model_type))) == named
    beyond = named - 1 if vocab_size < 1000 else named + 1
    with pytest.raises(ConfigError):
        train_tokenizer(SENTENCES, config(beyond, model_type=model_type))


@model_types
def test_the_vocabulary_has_the_size_asked_for(model_type: ModelType) -> None:
    assert len(tokenizer(model_type)) == 330


@model_types
def test_training_is_deterministic(model_type: ModelType) -> None:
    again = train_tokenizer(iter(SENTENCES), config(model_type=model_type))
    assert again.model_proto == tokenizer(model_type).model_proto
    assert again.fingerprint == tokenizer(model_type).fingerprint


def test_the_fingerprint_tells_tokenizers_apart() -> None:
    others = [
        train_tokenizer(SENTENCES, config(331)),
        train_tokenizer([*SENTENCES, "Another sentence."], config()),
        tokenizer("bpe"),
    ]
    fingerprints = {trained.fingerprint for trained in [tokenizer(), *others]}
    assert len(fingerprints) == 4
    assert all(re.fullmatch(r"[0-9a-f]{16}", fingerprint) for fingerprint in fingerprints)


def test_the_best_segmentation_comes_first_with_its_probability() -> None:
    trained = tokenizer()
    found = trained.nbest(SENTENCES[0], 8)
    assert found[0][0] == trained.encode(SENTENCES[0])
    log_probs = [log_prob for _, log_prob in found]
    assert len(found) == 8
    assert log_probs == sorted(log_probs, reverse=True)
    assert all(trained.decode(ids) == SENTENCES[0] for ids, _ in found)


def test_a_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"
    tokenizer().save(path)
    loaded = Tokenizer.load(path)
    assert loaded.fingerprint == tokenizer().fingerprint
    assert loaded.encode("The dog ㅋ") == tokenizer().encode("The dog ㅋ")


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_what_is_no_tokenizer_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tokenizer.model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="tokenizer"):
        Tokenizer.load(path)


@pytest.mark.parametrize("lines", [[], ["", " ", "\n"], [TURN, f" {TURN} "]])
def test_no_text_is_an_error(lines: list[str]) -> None:
    with pytest.raises(DataError, match="no text to train on"):
        train_tokenizer(lines, config())


def test_rare_characters_are_spelt_in_bytes() -> None:
    trained = train_tokenizer([*SENTENCES * 50, "힣"], config(character_coverage=0.9999))
    assert trained.pieces(trained.encode("힣"))[-3:] == ["<0xED>", "<0x9E>", "<0xA3>"]


def test_without_byte_fallback_what_is_new_is_unknown() -> None:
    trained = train_tokenizer(SENTENCES, config(70, byte_fallback=False))
    assert UNK_ID in trained.encode("Ж")


def test_nfkc_is_what_the_configuration_says() -> None:
    trained = train_tokenizer(SENTENCES, config(normalization="nfkc"))
    assert trained.decode(trained.encode("ﬁne")) == "fine"
    assert tokenizer().decode(tokenizer().encode("ﬁne")) == "ﬁne"


def test_pieces_of_a_sentence_show_where_words_begin() -> None:
    trained = tokenizer()
    pieces = trained.pieces(trained.encode("The dog"))
    assert "".join(pieces) == "▁The▁dog"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vocab_size", 0),
        ("character_coverage", 0.5),
        ("character_coverage", 1.1),
        ("sampling_alpha", -0.1),
        ("bpe_dropout", 1.0),
    ],
)
def test_a_bad_value_is_an_error_that_names_its_key(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^data\.tokenizer\.{name}: expected .* got {value}$"):
        TokenizerConfig(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "model_type"), [("sampling_alpha", "bpe"), ("bpe_dropout", "unigram")]
)
def test_each_kind_of_model_has_its_own_way_of_sampling(name: str, model_type: ModelType) -> None:
    with pytest.raises(ConfigError, match=rf"^data\.tokenizer\.{name}: .* {model_type}"):
        TokenizerConfig(model_type=model_type, **{name: 0.2})  # type: ignore[arg-type]


def test_sampling_is_for_unigram_alone() -> None:
    with pytest.raises(ConfigError, match=r"^data\.tokenizer\.sampling_alpha: .* bpe"):
        TokenizerConfig(model_type="bpe", sampling_alpha=0.2)


@model_types
def test_only_without_byte_fallback_is_anything_unknown(model_type: ModelType) -> None:
    without = train_tokenizer(SENTENCES, config(75, model_type=model_type, byte_fallback=False))
    assert not tokenizer(model_type).has_unknown
    assert without.has_unknown
    assert UNK_ID not in tokenizer(model_type).encode("Łódź ☃")
    assert UNK_ID in without.encode("Łódź ☃")


@model_types
@given(texts)
def test_the_segments_of_a_text_are_its_pieces_as_it_spells_them(
    model_type: ModelType, text: str
) -> None:
    with_bytes = tokenizer(model_type)
    ids = with_bytes.encode(text)
    assert len(with_bytes.segment(text)) == len(ids)
    if not any(with_bytes.pieces([i])[0].startswith("<0x") for i in ids):
        assert with_bytes.segment(text) == with_bytes.pieces(ids)
        assert with_bytes.join(with_bytes.segment(text)) == with_bytes.decode(ids)


def test_an_unknown_segment_is_a_run_of_characters() -> None:
    without = train_tokenizer(SENTENCES, config(75, byte_fallback=False))
    segments = without.segment("Łódź ☃☃")
    unknown = [
        segment
        for segment, i in zip(segments, without.encode("Łódź ☃☃"), strict=True)
        if i == UNK_ID
    ]
    assert unknown == ["Łó", "ź", "☃☃"]
    assert without.join(segments) == "Łódź ☃☃"


@model_types
def test_the_places_of_a_part_of_a_text(model_type: ModelType) -> None:
    pieces_of = tokenizer(model_type)
    text = "Oh, the little 달 grüne \u2581 dog."
    for word in ("the", "little", "달", "grüne", "dog", "."):
        begin = text.index(word)
        places = pieces_of.places(text, begin, begin + len(word))
        assert places == list(range(places[0], places[-1] + 1))
        ids = pieces_of.encode(text)
        assert word in pieces_of.decode(ids[places[0] : places[-1] + 1])
        assert word not in pieces_of.decode(ids[places[0] + 1 : places[-1] + 1])
        assert word not in pieces_of.decode(ids[places[0] : places[-1]])
    assert pieces_of.places(text, 3, 3) == []


@model_types
def test_what_a_piece_appends(model_type: ModelType) -> None:
    pieces_of = tokenizer(model_type)
    text = "The little dog 7 9"  # digits are bytes
    ids = pieces_of.encode(text)
    assert "".join(map(pieces_of.appended, ids)) == f" {text}"
    assert any(piece.startswith("<0x") for piece in pieces_of.pieces(ids))
    assert {pieces_of.appended(i) for i in pieces_of.encode("달")[1:]} == {""}


LANGUAGES = ("de", "translation.cs", 'a "b", <2de>')


@pytest.fixture(scope="module")
def tagged() -> Tokenizer:
    return train_tokenizer([*SENTENCES, "<2de> " * 50], config(), languages=LANGUAGES)


def test_each_language_has_a_tag_of_one_id(tagged: Tokenizer) -> None:
    assert tagged.languages == LANGUAGES
    assert [tagged.tag_id(language) for language in LANGUAGES] == [5, 6, 7]
    assert [shown_tag(tag) for tag in tagged.pieces([5, 6, 1])] == [
        "<2de>",
        "<2translation.cs>",
        "<unk>",
    ]
    assert len(tagged) == 330
    assert tokenizer().languages == ()


@given(texts | st.text(alphabet=st.sampled_from("\uffff<2de>01 ")))
@example("<2de> The dog")
@example("\uffff<2de>\uffff<2de")
def test_no_text_is_a_tag_and_any_comes_back(tagged: Tokenizer, text: str) -> None:
    ids = tagged.encode(text)
    assert not {5, 6, 7} & set(ids)
    assert tagged.decode([6, *ids, 5]) == replace_surrogates(text)


def test_normalization_makes_no_tag_of_a_text() -> None:
    wide = train_tokenizer(SENTENCES, config(normalization="nfkc"), languages=["de"])
    assert wide.tag_id("de") not in wide.encode("＜２de＞ The dog")
