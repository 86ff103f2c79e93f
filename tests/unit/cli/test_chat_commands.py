import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.chat import ChatSession, ChatSettings
from pipeline.cli.chat_commands import RETRY_TEMPERATURE, Commands
from pipeline.cli.chat_options import SETTINGS
from pipeline.errors import ConfigError, DataError, UserError
from pipeline.model_folder import TrainedModel, load_model


@pytest.fixture(scope="module")
def trained(tiny_chat_folder: Path) -> TrainedModel:
    return load_model(tiny_chat_folder)


@pytest.fixture
def session(trained: TrainedModel) -> ChatSession:
    return ChatSession(trained, settings=ChatSettings(max_tokens=8))


@pytest.fixture
def commands(session: ChatSession) -> Commands:
    return Commands(session)


def test_the_settings_are_those_of_a_session_with_its_defaults() -> None:
    defaults = asdict(ChatSettings())
    assert {name: setting.default for name, setting in SETTINGS.items()} == defaults
    assert [type(setting.default) for setting in SETTINGS.values()] == [
        type(default) for default in defaults.values()
    ]


def test_help_names_every_command(commands: Commands) -> None:
    lines = commands.run("/help").text.splitlines()
    assert [line.split()[0] for line in lines[:-2]] == list(commands.purposes)
    assert all(len(line) <= 40 for line in lines)


def test_every_command_is_known(commands: Commands) -> None:
    assert all(commands.knows(f"{word} x") for word in commands.purposes)
    assert not commands.knows("/he")
    assert not commands.knows(" /help")
    assert not commands.knows("")


def test_an_unknown_command_names_the_nearest(commands: Commands) -> None:
    with pytest.raises(ConfigError, match=r"^no command /rest; the nearest is /reset$"):
        commands.run("/rest")
    with pytest.raises(ConfigError, match=r"^no command /; /help lists the commands$"):
        commands.run("/")


def test_errors_stay_short_however_long_the_line(commands: Commands) -> None:
    for line in ("/x" * 5000, "/settings temperature " + "9x" * 5000, "/reset " + "a\nb" * 5000):
        with pytest.raises(UserError) as error:
            commands.run(line)
        assert len(str(error.value)) < 200


def test_reset_forgets(commands: Commands, session: ChatSession) -> None:
    session.reply("hello")
    assert commands.run("/reset").text
    assert session.turns == ()
    with pytest.raises(ConfigError, match=r"/reset: expected nothing after it, got 'now'"):
        commands.run("/reset now")


def test_undo_takes_the_last_exchange_back(commands: Commands, session: ChatSession) -> None:
    session.reply("one")
    turns = session.turns
    session.reply("two " * 5000)
    assert commands.run("/undo").text.startswith("taken back: two two")
    assert session.turns == turns
    assert commands.run("/undo").text == "taken back: one"
    assert commands.run("/undo").text == "nothing to take back"


def test_retry_at_temperature_0_raises_it_for_one_reply(
    commands: Commands, session: ChatSession
) -> None:
    settings, first = session.settings, session.reply("hello")
    replies = {first}
    for _ in range(3):
        outcome = commands.run("/retry")
        assert str(RETRY_TEMPERATURE) in outcome.text
        replies.add("".join(outcome.reply or ()))
        assert session.turns[0] == "hello"
        assert len(session.turns) == 2
        assert session.settings == settings
    assert len(replies) == 4
    assert session.turns[1] in replies - {first}


def test_a_retry_that_is_stopped_puts_the_settings_back(
    commands: Commands, session: ChatSession
) -> None:
    settings = session.settings
    session.reply("hello")
    reply = commands.run("/retry").reply
    assert reply is not None
    said = next(reply)
    assert session.settings != settings
    reply.close()
    assert session.settings == settings
    assert session.turns == ("hello", said)


def test_retry_with_a_temperature_draws_on(commands: Commands, session: ChatSession) -> None:
    session.settings = ChatSettings(temperature=1.0, max_tokens=8)
    replies = {session.reply("hello")}
    for _ in range(3):
        outcome = commands.run("/retry")
        assert outcome.text == ""
        replies.add("".join(outcome.reply or ()))
    assert len(replies) == 4
    assert len(session.turns) == 2


def test_retry_needs_a_message(commands: Commands) -> None:
    outcome = commands.run("/retry")
    assert outcome.text == "nothing to reply to yet"
    assert outcome.reply is None


def test_settings_lists_them_all(commands: Commands) -> None:
    lines = commands.run("/settings").text.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["temperature", "0.0"],
        ["top_k", "0"],
        ["top_p", "1.0"],
        ["min_p", "0.0"],
        ["repetition_penalty", "1.0"],
        ["no_repeat_ngram", "0"],
        ["no_repeat_context_ngram", "0"],
        ["min_tokens", "0"],
        ["max_tokens", "8"],
        ["num_candidates", "1"],
        ["mmi_weight", "0.5"],
        ["unsure_below", "0.0"],
        ["seed", "0"],
        ["retrieve_above", "0.55"],
    ]


@pytest.mark.parametrize("line", ["temperature 0.7", "temperature=0.7", "temperature   0.7"])
def test_settings_sets_one(commands: Commands, session: ChatSession, line: str) -> None:
    assert commands.run(f"/settings {line}").text == "temperature 0.7"
    assert session.settings == ChatSettings(temperature=0.7, max_tokens=8)
    assert commands.run("/settings temperature").text == "temperature 0.7"


def test_a_setting_may_be_written_as_the_option(commands: Commands, session: ChatSession) -> None:
    commands.run("/settings max-tokens 5")
    assert session.settings.max_tokens == 5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("temprature 1", "no setting temprature; the nearest is temperature"),
        ("temp 1", "no setting temp; the nearest is temperature"),
        ("temperature warm", "temperature: expected a number, got 'warm'"),
        ("temperature 0.7 0.8", "temperature: expected a number, got '0.7 0.8'"),
        ("temperature -1", "temperature: expected 0 or more, got -1.0"),
        ("temperature nan", "temperature: expected 0 or more, got nan"),
        ("top_k 1.5", "top_k: expected a whole number, got '1.5'"),
        ("top_p 0", "top_p: expected 0 < top_p <= 1, got 0.0"),
        ("max_tokens 0", "max_tokens: expected 1 or more, got 0"),
        ("seed -1", "seed: expected 0 or more, got -1"),
        ("seed 99999999999999999999", "seed: expected 0 or more"),
    ],
)
def test_a_bad_setting_changes_nothing(
    commands: Commands, session: ChatSession, line: str, message: str
) -> None:
    settings = session.settings
    with pytest.raises(ConfigError) as error:
        commands.run(f"/settings {line}")
    assert str(error.value).startswith(message)
    assert session.settings == settings


def test_what_was_saved_is_loaded(
    commands: Commands, session: ChatSession, trained: TrainedModel, tmp_path: Path
) -> None:
    path = tmp_path / "한글 chat.json"
    session.reply("안녕 😀")
    assert commands.run(f"/save {path}").text == f"saved in {path}"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    other = ChatSession(trained)
    assert Commands(other).run(f"/load {path}").text
    assert other.turns == session.turns
    assert other.settings == session.settings
    assert other.reply("and you?") == session.reply("and you?")


def test_save_does_not_overwrite_unless_told(
    commands: Commands, session: ChatSession, tmp_path: Path
) -> None:
    path = tmp_path / "chat.json"
    path.write_text("mine")
    with pytest.raises(DataError, match=r"chat.json: exists already; /save! FILE"):
        commands.run(f"/save {path}")
    assert path.read_text() == "mine"
    commands.run(f"/save! {path}")
    assert json.loads(path.read_text())["turns"] == []


def test_save_expands_the_home(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    commands.run("/save ~/chat.json")
    assert (tmp_path / "chat.json").is_file()


def test_a_broken_character_can_be_saved(
    commands: Commands, session: ChatSession, tmp_path: Path
) -> None:
    session.reply("a \udcff b")
    commands.run(f"/save {tmp_path / 'chat.json'}")
    assert "a \ufffd b" in (tmp_path / "chat.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["/save", "/save!"])
@pytest.mark.parametrize("name", ["missing/chat.json", "x" * 300, "nul\0", "~nobody-there/x"])
def test_what_cannot_be_written_is_one_error(
    commands: Commands, tmp_path: Path, command: str, name: str
) -> None:
    argument = name if name.startswith("~") else f"{tmp_path}/{name}"
    with pytest.raises(DataError, match="cannot be written"):
        commands.run(f"{command} {argument}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_written_over(commands: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        commands.run(f"/save! {folder}")
    with pytest.raises(DataError, match="cannot be written"):
        commands.run("/save! /")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("command", ["/save", "/save!", "/load"])
def test_a_file_has_to_be_named(commands: Commands, command: str) -> None:
    with pytest.raises(ConfigError, match=f"^{command}: expected {command} FILE$"):
        commands.run(f"{command} ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"turns": "ab", "settings": {}}',
        b'{"turns": ["a"], "settings": {}}',
        b'{"turns": [1, 2], "settings": {}}',
        b'{"turns": [], "settings": {"warmth": 1}}',
        b'{"turns": [], "settings": {"temperature": -1}}',
        b'{"turns": [], "settings": {"temperature": "1"}}',
        b'{"turns": [], "settings": {"max_tokens": 0}}',
    ],
)
def test_loading_something_else_changes_nothing(
    commands: Commands, session: ChatSession, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(content)
    session.reply("hello")
    turns, settings = session.turns, session.settings
    with pytest.raises(DataError, match=r"chat\.json: "):
        commands.run(f"/load {path}")
    assert session.turns == turns
    assert session.settings == settings


def test_loading_what_is_not_there(commands: Commands, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(No such file or directory\)"):
        commands.run(f"/load {tmp_path / 'chat.json'}")
    with pytest.raises(DataError, match="cannot be read"):
        commands.run(f"/load {tmp_path}")


def test_only_quit_leaves(commands: Commands) -> None:
    assert commands.run("/quit").leaves
    assert not commands.run("/help").leaves


def test_alternatives_are_other_replies_with_their_log_probability(
    commands: Commands, session: ChatSession
) -> None:
    assert commands.run("/alternatives").text == "nothing to reply to yet"
    session.reply("hello")
    turns = session.turns
    lines = commands.run("/alternatives 3").text.splitlines()
    expected = session.alternatives(3)
    assert len(lines) == len(expected) + 1 > 2
    for line, candidate in zip(lines, expected, strict=False):
        assert float(line.split()[0]) == pytest.approx(candidate.log_prob, abs=0.06)
        assert line.split()[1:] == candidate.text.split()
    assert session.turns == turns


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/alternatives x", "^/alternatives: expected a whole number, got 'x'$"),
        ("/alternatives 0", "^alternatives: expected 1 to 100, got 0$"),
    ],
)
def test_alternatives_are_a_number(commands: Commands, line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        commands.run(line)


def test_why_shows_each_piece_with_its_probability(
    commands: Commands, session: ChatSession
) -> None:
    assert commands.run("/why").text == "nothing was generated"
    session.reply("hello")
    outcome = commands.run("/why")
    assert session.last_reply is not None
    lines = outcome.text.splitlines()
    assert len(lines) == len(session.last_reply.token_ids) + 2  # the end, and the legend
    for line, piece in zip(lines, session.explain(), strict=False):
        assert line.lstrip().startswith(f"{piece.probability:.0%} {piece.text}")
    assert {style for style, _ in outcome.styled} <= {
        *("class:dim", "class:likely", "class:possible", "class:unlikely"),
    }


def test_edit_gives_the_last_message(commands: Commands, session: ChatSession) -> None:
    assert commands.run("/edit").text == "nothing to change yet"
    session.reply("hello")
    assert commands.run("/edit").draft == "hello"
    assert len(session.turns) == 2


def test_a_transcript_is_written_in_the_format_of_its_name(
    commands: Commands, session: ChatSession, tmp_path: Path
) -> None:
    session.restore(["안녕 *별*", "<b>hi</b> 🙂"])
    commands.run(f"/transcript {tmp_path}/a.md")
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == (
        "**you:** 안녕 \\*별\\*\n\n**bot:** \\<b\\>hi\\</b\\> 🙂\n"
    )
    commands.run(f"/transcript {tmp_path}/a.jsonl")
    rows = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row) for row in rows] == [
        {"speaker": "you", "text": "안녕 *별*"},
        {"speaker": "bot", "text": "<b>hi</b> 🙂"},
    ]


def test_a_transcript_takes_no_other_format_and_no_old_file(
    commands: Commands, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"a.txt: expected a name that ends in .md or .jsonl"):
        commands.run(f"/transcript {tmp_path}/a.txt")
    (tmp_path / "a.md").write_text("old")
    with pytest.raises(DataError, match=r"a.md: exists already; choose another name"):
        commands.run(f"/transcript {tmp_path}/a.md")
    assert (tmp_path / "a.md").read_text() == "old"
