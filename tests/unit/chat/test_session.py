import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import pipeline.chat.session
from pipeline import ChatSession
from pipeline.batch import collate
from pipeline.chat import Blocklist, ChatSettings
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.model_folder import TrainedModel, load_model
from pipeline.text import normalize
from pipeline.tokenizer import EOS_ID, TURN, Tokenizer

RANDOM = ChatSettings(temperature=1.0, seed=5)
Say = Callable[[list[int]], None]


@pytest.fixture
def chat(tiny_chat_folder: Path) -> ChatSession:
    return ChatSession.from_pretrained(tiny_chat_folder)


@pytest.fixture(scope="module")
def trained(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


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
@example("\u2581")  # which is spelt by two characters
def test_incomplete_characters_are_never_shown(
    chat: ChatSession, say: Say, tiny_tokenizer: Tokenizer, text: str
) -> None:
    text = text.translate(dict.fromkeys([0x2028, 0x2029, 0xFFFD]))
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


RULED = ChatSettings(
    repetition_penalty=1.2, no_repeat_ngram=2, no_repeat_context_ngram=2, min_tokens=6
)


def session(folder: Path, blocklist: Blocklist | None = None, **values: float) -> ChatSession:
    chat_settings = ChatSettings(**{"max_tokens": 12, **values})  # type: ignore[arg-type]
    return ChatSession(load_model(folder), settings=chat_settings, blocklist=blocklist)


def test_under_rules_the_reply_still_comes_token_by_token(tiny_chat_folder: Path) -> None:
    chat = ChatSession.from_pretrained(tiny_chat_folder, settings=RULED)
    pieces = list(chat.stream("dog runs over the grass"))
    assert len(pieces) > 3
    assert chat.last_reply is not None
    tokens = chat.last_reply.token_ids
    pairs = list(itertools.pairwise(tokens))
    assert len(set(pairs)) == len(pairs)
    assert len(tokens) >= 6


def test_no_run_of_the_conversation_comes_again(
    tiny_chat_folder: Path, tiny_tokenizer: Tokenizer
) -> None:
    usual = session(tiny_chat_folder)
    said = usual.reply("hello")
    assert usual.last_reply is not None
    context = f"{said} {TURN} hello"
    ruled = session(tiny_chat_folder, no_repeat_context_ngram=1)
    ruled.load_json(json.dumps({"turns": ["x", said], "settings": {"no_repeat_context_ngram": 1}}))
    ruled.reply("hello")
    assert ruled.last_reply is not None
    assert ruled.last_reply.token_ids
    assert set(ruled.last_reply.token_ids).isdisjoint(tiny_tokenizer.encode(context))


def test_the_best_of_several_replies_is_said_as_a_whole(tiny_chat_folder: Path) -> None:
    chat = session(tiny_chat_folder, num_candidates=4)
    (piece,) = chat.stream("hello")
    (best, *_) = chat.alternatives(4)
    assert piece == best.text == chat.turns[1]
    assert chat.last_reply is not None
    assert chat.last_reply.token_ids == best.token_ids


def test_the_weight_of_mutual_information_reaches_the_ranking(tiny_chat_folder: Path) -> None:
    replies = {
        session(tiny_chat_folder, num_candidates=8, mmi_weight=weight).reply("hello")
        for weight in (0.0, 8.0)
    }
    assert len(replies) == 2


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_alternatives_differ_and_leave_the_conversation_as_it_was(
    tiny_chat_folder: Path, temperature: float
) -> None:
    chat, untouched = (session(tiny_chat_folder, temperature=temperature) for _ in range(2))
    chat.reply("hello")
    untouched.reply("hello")
    before = chat.to_json(), chat.last_reply
    found = chat.alternatives(5)
    assert found == chat.alternatives(5)
    assert (chat.to_json(), chat.last_reply) == before
    assert len({" ".join(each.text.split()) for each in found}) == len(found) == 5
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    assert chat.reply("and you?") == untouched.reply("and you?")  # the randomness too


def test_alternatives_are_to_the_last_message(tiny_chat_folder: Path) -> None:
    chat = session(tiny_chat_folder)
    assert chat.alternatives(3) == []
    chat.reply("hello")
    first = chat.alternatives(3)
    chat.reply("dog")
    assert chat.alternatives(3) != first
    chat.undo()
    assert chat.alternatives(3) == first


@pytest.mark.parametrize("num_replies", [0, 101])
def test_a_number_of_alternatives_that_cannot_be(chat: ChatSession, num_replies: int) -> None:
    with pytest.raises(ConfigError, match=rf"^alternatives: expected 1 to 100, got {num_replies}"):
        chat.alternatives(num_replies)


@pytest.mark.parametrize("num_candidates", [1, 3])
def test_an_improbable_reply_is_not_said(tiny_chat_folder: Path, num_candidates: int) -> None:
    chat = session(tiny_chat_folder, num_candidates=num_candidates, unsure_below=1.0)
    assert [*chat.stream("hello")] == ["I am not sure."]
    assert chat.reply("안녕하세요") == "잘 모르겠어요."
    assert chat.last_reply is not None
    assert chat.last_reply.token_ids == ()
    assert chat.turns[1::2] == ("I am not sure.", "잘 모르겠어요.")


def test_the_threshold_is_the_mean_probability_of_a_token(tiny_chat_folder: Path) -> None:
    usual = session(tiny_chat_folder)
    said = usual.reply("hello")
    assert usual.last_reply is not None
    trained = load_model(tiny_chat_folder)
    source_ids = trained.source_tokenizer.encode("hello")
    loss = trained.model.loss(collate([source_ids], [usual.last_reply.token_ids]))
    probability = math.exp(-float(loss.nats_sum.detach()) / loss.num_predictions)
    below, above = (
        session(tiny_chat_folder, unsure_below=probability * factor) for factor in (0.99, 1.01)
    )
    assert below.reply("hello") == said
    assert above.reply("hello") == "I am not sure."


def test_what_is_blocked_is_not_said_instead_of_a_reply(tiny_chat_folder: Path) -> None:
    chat = session(tiny_chat_folder, Blocklist(["not sure"]), unsure_below=1.0)
    assert chat.reply("hello") == ""
    assert chat.reply("안녕") == "잘 모르겠어요."


_WORDS = ["a", "E", "서", "강", "뛰어", "dog", "ㅋ", "😀", "the", "가", " ", "é", "r", "i", "ss"]


@settings(max_examples=20)
@given(
    phrases=st.lists(st.sampled_from(_WORDS) | st.text(max_size=2), max_size=6),
    temperature=st.sampled_from([0.0, 1.0, 5.0]),
    num_candidates=st.sampled_from([1, 1, 2]),
    seed=st.integers(0, 99),
)
def test_no_reply_holds_what_is_blocked(
    trained: TrainedModel,
    phrases: list[str],
    temperature: float,
    num_candidates: int,
    seed: int,
) -> None:
    chat_settings = ChatSettings(
        temperature=temperature, num_candidates=num_candidates, seed=seed, max_tokens=12
    )
    chat = ChatSession(trained, settings=chat_settings, blocklist=Blocklist(phrases))
    shown = ""
    for piece in chat.stream("안녕 dog"):
        shown += piece
        for text in (shown, normalize(shown)):
            for phrase in phrases:
                if phrase.strip():
                    assert phrase.strip().casefold() not in text.casefold()
    for candidate in chat.alternatives(1):
        assert not Blocklist(phrases).blocks(candidate.text)


def test_a_blocked_word_is_replaced_not_the_reply(tiny_chat_folder: Path) -> None:
    usual = session(tiny_chat_folder).reply("hello")
    blocked = usual[len(usual) // 2]
    said = session(tiny_chat_folder, Blocklist([blocked])).reply("hello")
    assert said[:3] == usual[:3]
    assert said != usual
    assert blocked not in said


def test_where_every_candidate_is_blocked_there_is_still_a_reply(tiny_chat_folder: Path) -> None:
    candidates = session(tiny_chat_folder, num_candidates=2)
    candidates.reply("hello")
    texts = [each.text for each in candidates.alternatives(20)]
    chat = session(tiny_chat_folder, Blocklist(texts), num_candidates=2)
    reply = chat.reply("hello")
    assert reply
    assert not Blocklist(texts).blocks(reply)
