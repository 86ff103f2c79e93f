import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pipeline.chat.session
from pipeline import ChatSession
from pipeline.chat import ChatSettings
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.model_folder import load_model
from pipeline.tokenizer import EOS_ID, TURN, Tokenizer

RANDOM = ChatSettings(temperature=1.0, seed=5)
Say = Callable[[list[int]], None]


@pytest.fixture
def chat(tiny_chat_folder: Path) -> ChatSession:
    return ChatSession.from_pretrained(tiny_chat_folder)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Say:
    """Makes the model say these ids, whatever it is asked."""

    def say_ids(ids: list[int]) -> None:
        def stream_tokens(*arguments: object, **options: object) -> Iterator[int]:
            yield from ids

        monkeypatch.setattr(pipeline.chat.session, "stream_tokens", stream_tokens)

    return say_ids


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The source ids of each message, as the model gets them."""
    sources: list[list[int]] = []

    def stream_tokens(model: Any, source_ids: Any, *rest: object, **options: Any) -> Iterator[int]:
        sources.append(source_ids[0].tolist())
        yield from ()

    monkeypatch.setattr(pipeline.chat.session, "stream_tokens", stream_tokens)
    return sources


@pytest.mark.parametrize("chat_settings", [ChatSettings(), RANDOM])
def test_the_stream_joined_is_the_reply(
    tiny_chat_folder: Path, chat_settings: ChatSettings
) -> None:
    one, other = (
        ChatSession.from_pretrained(tiny_chat_folder, settings=chat_settings) for _ in range(2)
    )
    for message in ("hello", "and you?", "안녕하세요"):
        pieces = list(one.stream(message))
        assert len(pieces) > 1
        assert "" not in pieces
        assert "".join(pieces) == other.reply(message)
    assert one.turns == other.turns


def test_the_conversation_grows_turn_by_turn(chat: ChatSession) -> None:
    assert [*chat.turns] == []
    first = chat.reply("hello")
    assert [*chat.turns] == ["hello", first]
    second = chat.reply("and you?")
    assert [*chat.turns] == ["hello", first, "and you?", second]


def test_the_model_hears_the_turns_in_order(
    chat: ChatSession, say: Say, heard: list[list[int]], tiny_tokenizer: Tokenizer
) -> None:
    chat.load_json(json.dumps({"turns": ["a", "b"], "settings": {}}))
    chat.reply("  c\n")
    expected = tiny_tokenizer.encode(f"a {TURN} b {TURN} c")
    assert heard == [[*expected, EOS_ID]]


def test_the_context_keeps_within_the_models_budget(
    chat: ChatSession, heard: list[list[int]]
) -> None:
    for _ in range(5):
        chat.reply("dog runs")
    lengths = [len(ids) - 1 for ids in heard]  # without EOS
    assert lengths[0] < lengths[1]
    assert max(lengths) <= 24


def test_an_earlier_turn_changes_the_reply(tiny_chat_folder: Path) -> None:
    fresh, talking = (ChatSession.from_pretrained(tiny_chat_folder) for _ in range(2))
    talking.load_json('{"turns": ["hello", "A man"], "settings": {}}')
    assert talking.reply("dog") != fresh.reply("dog")


def test_nothing_said_is_taken_back_as_none(chat: ChatSession) -> None:
    assert chat.undo() is None
    assert [*chat.turns] == []


def test_undo_takes_back_the_last_message_and_its_reply(chat: ChatSession) -> None:
    first = chat.reply("hello")
    second = chat.reply("and you?")
    assert chat.undo() == "and you?"
    assert [*chat.turns] == ["hello", first]
    assert chat.reply("and you?") == second
    assert (chat.undo(), chat.undo()) == ("and you?", "hello")
    assert [*chat.turns] == []


def test_after_a_reset_it_is_a_new_conversation(chat: ChatSession) -> None:
    first = chat.reply("hello")
    chat.reply("and you?")
    chat.reset()
    assert [*chat.turns] == []
    assert chat.reply("hello") == first


def test_a_saved_conversation_goes_on_as_it_would_have(tiny_chat_folder: Path) -> None:
    one = ChatSession.from_pretrained(tiny_chat_folder, settings=ChatSettings(max_tokens=30))
    one.reply("안녕하세요")
    saved = one.to_json()
    other = ChatSession.from_pretrained(tiny_chat_folder)
    other.load_json(saved)
    assert other.turns == one.turns
    assert other.settings == one.settings
    assert other.to_json() == saved
    assert other.reply("and you?") == one.reply("and you?")
    assert "안녕하세요" in saved


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"turns"',
        "{}",
        '{"turns": []}',
        '{"settings": {}}',
        '{"turns": ["a"], "settings": {}}',
        '{"turns": ["a", 1], "settings": {}}',
        '{"turns": "ab", "settings": {}}',
        '{"turns": {"a": 1, "b": 2}, "settings": {}}',
        '{"turns": null, "settings": {}}',
        '{"turns": [], "settings": {"warmth": 1}}',
        '{"turns": [], "settings": {"temperature": "hot"}}',
        '{"turns": [], "settings": {"temperature": -1}}',
        '{"turns": [], "settings": {"temperature": NaN}}',
        '{"turns": [], "settings": {"top_k": -1}}',
        '{"turns": [], "settings": {"max_tokens": 0}}',
        '{"turns": [], "settings": {"seed": "x"}}',
        '{"turns": [], "settings": {"seed": 1180591620717411303424}}',
        '{"turns": [], "settings": []}',
    ],
)
def test_what_is_no_conversation_is_an_error_and_changes_nothing(
    text: str, tiny_chat_folder: Path
) -> None:
    one, untouched = (
        ChatSession.from_pretrained(tiny_chat_folder, settings=RANDOM) for _ in range(2)
    )
    one.reply("hello")
    untouched.reply("hello")
    with pytest.raises(DataError, match=r"^not a saved conversation: "):
        one.load_json(text)
    assert one.turns == untouched.turns
    assert one.settings == RANDOM
    assert one.reply("and you?") == untouched.reply("and you?")  # the randomness too


def test_a_stream_that_is_stopped_keeps_what_was_said(chat: ChatSession) -> None:
    stream = chat.stream("hello")
    said = next(stream) + next(stream)
    assert [*chat.turns] == []
    stream.close()
    assert [*chat.turns] == ["hello", said]


def test_a_stream_that_is_left_keeps_what_was_said(chat: ChatSession) -> None:
    said = ""
    for piece in chat.stream("hello"):
        said += piece
        if len(said) > 3:
            break
    assert [*chat.turns] == ["hello", said]


def test_a_stream_that_is_never_read_changes_nothing(chat: ChatSession) -> None:
    chat.stream("hello")
    assert [*chat.turns] == []


def test_a_reply_without_tokens_is_an_empty_turn(chat: ChatSession, say: Say) -> None:
    say([])
    assert chat.reply("hello") == ""
    assert [*chat.turns] == ["hello", ""]


def test_a_character_is_shown_when_its_last_byte_is_there(
    chat: ChatSession, say: Say, tiny_tokenizer: Tokenizer
) -> None:
    ids = tiny_tokenizer.encode("A 😀!")
    bytes_of_it = [piece for piece in tiny_tokenizer.pieces(ids) if piece.startswith("<0x")]
    assert bytes_of_it == ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]
    say(ids)
    assert [*chat.stream("hello")][-2:] == ["😀", "!"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=10))
def test_incomplete_characters_are_never_shown(
    chat: ChatSession, say: Say, tiny_tokenizer: Tokenizer, text: str
) -> None:
    text = text.translate(dict.fromkeys([0x2028, 0x2029, 0xFFFF, 0xFFFD]))
    say(tiny_tokenizer.encode(text))
    pieces = list(chat.stream("hello"))
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_what_a_stop_leaves_incomplete_is_not_said(
    chat: ChatSession, say: Say, tiny_tokenizer: Tokenizer
) -> None:
    say(tiny_tokenizer.encode("A 😀")[:-1])
    assert chat.reply("hello") == "A "


def test_a_reply_is_one_line_that_leaves_a_terminal_alone(
    chat: ChatSession, say: Say, tiny_tokenizer: Tokenizer
) -> None:
    say(tiny_tokenizer.encode("a\n\x1b[2Jb\u2028c\x9bd"))
    assert chat.reply("hello") == "a  [2Jb c d"


def test_the_reply_is_no_longer_than_the_settings_say(tiny_chat_folder: Path) -> None:
    lengths = []
    for max_tokens in (1, 5, 60):
        chat = ChatSession.from_pretrained(
            tiny_chat_folder, settings=ChatSettings(max_tokens=max_tokens)
        )
        lengths.append(len(list(chat.stream("hello"))))
    assert lengths[0] <= 1 <= lengths[1] <= 5 < lengths[2] <= 60


def test_the_seed_decides_what_is_drawn(tiny_chat_folder: Path) -> None:
    replies = []
    for seed in (1, 1, 2):
        chat_settings = ChatSettings(temperature=1.5, seed=seed)
        chat = ChatSession.from_pretrained(tiny_chat_folder, settings=chat_settings)
        replies.append(chat.reply("hello"))
    assert replies[0] == replies[1] != replies[2]


def test_setting_the_settings_starts_the_randomness_anew(tiny_chat_folder: Path) -> None:
    chat = ChatSession.from_pretrained(tiny_chat_folder, settings=RANDOM)
    first = chat.reply("hello")
    chat.reset()
    assert chat.reply("hello") != first
    chat.reset()
    chat.settings = RANDOM
    assert chat.reply("hello") == first


def test_bad_settings_are_an_error_and_leave_the_old_ones(chat: ChatSession) -> None:
    with pytest.raises(ConfigError, match=r"^temperature: expected 0 or more, got -1"):
        chat.settings = ChatSettings(temperature=-1.0)
    assert chat.settings == ChatSettings()


@pytest.mark.parametrize(("name", "value"), [("max_tokens", 0), ("seed", -1), ("seed", 2**63)])
def test_a_bad_setting_is_an_error_that_names_it(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: expected \d or more, got {value}$"):
        ChatSettings(**{name: value})


def test_a_translator_is_no_chatbot(tiny_translator_folder: Path) -> None:
    with pytest.raises(ModelError, match="tiny-translation: a model for translation; expected"):
        ChatSession.from_pretrained(tiny_translator_folder)


def test_the_last_reply_tells_what_was_read_and_generated(
    chat: ChatSession, tiny_tokenizer: Tokenizer
) -> None:
    assert chat.last_reply is None
    text = chat.reply("hello")
    assert chat.last_reply is not None
    assert chat.last_reply.text == text
    assert [*chat.last_reply.source_ids] == tiny_tokenizer.encode("hello")
    assert chat._text([*chat.last_reply.token_ids]) == text
    chat.undo()
    assert chat.last_reply is None


def test_a_reverse_model_does_not_reply(tiny_chat_folder: Path) -> None:
    trained = load_model(tiny_chat_folder)
    reverse = replace(trained, data={**trained.data, "reverse": True})
    with pytest.raises(ModelError, match="tiny-chat: finds messages to a reply"):
        ChatSession(reverse)


def test_a_model_of_single_messages_reads_the_last_one_alone(
    tiny_chat_folder: Path, tiny_tokenizer: Tokenizer
) -> None:
    trained = load_model(tiny_chat_folder)
    data = {**trained.data, "dialogue": None, "source": "Q", "target": "A"}
    session = ChatSession(replace(trained, data=data))
    first = session.reply("hello")
    session.reply("dog")
    assert session.reply("hello") == first
    assert session.last_reply is not None
    assert [*session.last_reply.source_ids] == tiny_tokenizer.encode("hello")
