import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.chat import ChatSession, ChatSettings, QuestionIndex
from pipeline.chat.blocklist import Blocklist
from pipeline.chat.retrieval import PAIRS_FILE, VECTORS_FILE
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.model_folder import TrainedModel, load_model
from pipeline.tokenizer import TURN

PAIRS = [
    ("Where is the station?", "Over there."),
    ("안녕하세요", "반갑습니다."),
    ("", "nobody asked"),
    ("Do you like dogs?", ""),
    ("How old are you?", "Quite young."),
    ("안녕하세요", "반갑습니다."),
    (f"hello {TURN} hi {TURN} What is your name?", "Jin."),
    ("안녕하세요", "또 오셨군요."),
    ("강아지 좋아해?", "네, 좋아해요 🐶"),
]


@pytest.fixture(scope="module")
def trained(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


@pytest.fixture(scope="module")
def index(trained: TrainedModel) -> QuestionIndex:
    return QuestionIndex.build(trained, PAIRS)


@pytest.mark.parametrize(
    ("message", "answer", "row"),
    [
        ("Where is the station?", "Over there.", 0),
        ("  where is  the STATION?\n", "Over there.", 0),
        ("안녕하세요", "반갑습니다.", 1),
        ("What is your name?", "Jin.", 6),
        ("강아지 좋아해?", "네, 좋아해요 🐶", 8),
    ],
)
def test_the_same_question_is_found_and_wholly_like_it(
    index: QuestionIndex, message: str, answer: str, row: int
) -> None:
    (match,) = index.search(message)
    assert (match.answer, match.row, match.similarity) == (answer, row, 1.0)


def test_another_question_is_never_wholly_like_it(index: QuestionIndex) -> None:
    (match,) = index.search("Where is the station")
    assert match.row == 0
    assert 0.5 < match.similarity < 1


def test_empty_sides_and_repeated_pairs_are_left_out(index: QuestionIndex) -> None:
    assert len(index) == 6
    rows = [match.row for match in index.search("안녕하세요", 9)]
    assert sorted(rows) == [0, 1, 4, 6, 7, 8]
    assert rows[:2] == [1, 7]


def test_matches_come_by_similarity(index: QuestionIndex) -> None:
    similarities = [match.similarity for match in index.search("강아지를 좋아해요?", 6)]
    assert similarities == sorted(similarities, reverse=True)
    assert index.search("강아지를 좋아해요?")[0].row == 8


@pytest.mark.parametrize("message", ["", " \n", "\u2028"])
def test_a_message_without_text_is_like_nothing(index: QuestionIndex, message: str) -> None:
    assert index.search(message) == []


def test_a_message_of_unknown_characters_is_like_nothing_much(index: QuestionIndex) -> None:
    (match,) = index.search("漢字漢字漢字")
    assert match.similarity < 0.3


def test_a_question_is_found_alike_alone_and_in_company(trained: TrainedModel) -> None:
    many = QuestionIndex.build(trained, [*PAIRS, *((f"question {n}", "x") for n in range(200))])
    for n in range(200):
        (match,) = many.search(f"question {n}")
        assert (match.question, match.similarity) == (f"question {n}", 1.0)


def test_only_what_cannot_win_is_passed_over(
    trained: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = QuestionIndex.build(trained, [(f"{n} dog {n * 7 % 31}", str(n)) for n in range(150)])
    messages = ["dog 3", "12 cat", "안녕", "dog", "149 dogs 20"]
    found = [many.search(message, 5) for message in messages]
    monkeypatch.setattr("pipeline.chat.retrieval._ROUNDING", 9.0)  # so that nothing is
    assert found == [many.search(message, 5) for message in messages]


def test_nothing_to_index(trained: TrainedModel) -> None:
    with pytest.raises(DataError, match="no question with an answer"):
        QuestionIndex.build(trained, [("", "a"), ("b", " ")])


def test_what_was_saved_is_what_is_loaded(
    trained: TrainedModel, index: QuestionIndex, tmp_path: Path
) -> None:
    index.save(tmp_path)
    loaded = QuestionIndex.load(trained, tmp_path)
    for message in ("안녕", "How are you?", "dogs"):
        assert loaded.search(message, 6) == index.search(message, 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == [PAIRS_FILE, VECTORS_FILE]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format_version", None, "expected the key format_version"),
        ("format_version", 99, "format version 99 is later than 1"),
        ("model", "other", "made by another model than tiny-chat"),
        ("pairs", [], "expected the keys pairs and vectors"),
        ("pairs", [[0, "a"]], "pair 1: expected row, question, answer"),
        ("vectors", "0000", "index.safetensors: damaged, or not of the index.json beside it"),
    ],
)
def test_a_damaged_index_is_one_error(
    trained: TrainedModel,
    index: QuestionIndex,
    tmp_path: Path,
    key: str,
    value: object,
    message: str,
) -> None:
    index.save(tmp_path)
    description = json.loads((tmp_path / PAIRS_FILE).read_text(encoding="utf-8"))
    (tmp_path / PAIRS_FILE).write_text(json.dumps({**description, key: value}), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        QuestionIndex.load(trained, tmp_path)


@pytest.mark.parametrize(
    ("file", "content"), [(PAIRS_FILE, b"{"), (PAIRS_FILE, b"\xff"), (VECTORS_FILE, b"")]
)
def test_a_broken_file_is_one_error(
    trained: TrainedModel, index: QuestionIndex, tmp_path: Path, file: str, content: bytes
) -> None:
    index.save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ModelError, match=file):
        QuestionIndex.load(trained, tmp_path)


def test_another_encoder_is_noticed(
    trained: TrainedModel, index: QuestionIndex, tmp_path: Path, tiny_translator_folder: Path
) -> None:
    index.save(tmp_path)
    other = load_model(tiny_translator_folder)
    with torch.no_grad():
        next(other.model.encoder.parameters()).mul_(2)
    with pytest.raises(ModelError, match="made by another model"):
        QuestionIndex.load(replace(trained, network=other.network), tmp_path)


def test_a_session_answers_known_questions_word_for_word(
    trained: TrainedModel, index: QuestionIndex
) -> None:
    session, plain = ChatSession(trained, index=index), ChatSession(trained)
    assert session.reply("안녕하세요") == "반갑습니다."
    assert session.last_reply is not None
    assert session.last_reply.match is not None
    assert (session.last_reply.match.row, session.last_reply.token_ids) == (1, ())
    assert session.turns == ("안녕하세요", "반갑습니다.")
    assert [match.row for match in session.nearest(2)] == [1, 7]
    session.reset()
    assert session.nearest(2) == []
    assert session.reply("xyz") == plain.reply("xyz")
    assert session.last_reply.match is None


def test_how_like_it_has_to_be_is_a_setting(trained: TrainedModel, index: QuestionIndex) -> None:
    similarity = index.search("Where is the station")[0].similarity
    for above, is_known in [(similarity, True), (similarity + 0.001, False), (1.0, False)]:
        session = ChatSession(
            trained, index=index, settings=ChatSettings(retrieve_above=above, max_tokens=3)
        )
        assert (session.reply("Where is the station") == "Over there.") == is_known
    with pytest.raises(ConfigError, match="^retrieve_above: expected 0 to 1, got 1.1"):
        ChatSettings(retrieve_above=1.1)


def test_a_blocked_answer_is_not_given(trained: TrainedModel, index: QuestionIndex) -> None:
    session = ChatSession(trained, index=index, blocklist=Blocklist(["over THERE"]))
    assert "over there" not in session.reply("Where is the station?").casefold()
    assert session.reply("안녕하세요") == "반갑습니다."


def test_an_answer_may_be_passed_over(trained: TrainedModel, index: QuestionIndex) -> None:
    session, plain = ChatSession(trained, index=index), ChatSession(trained)
    generated = "".join(session.stream("안녕하세요", retrieve=False))
    assert generated == plain.reply("안녕하세요")
