import pytest

from pipeline.chat.unsure import unsure_text


@pytest.mark.parametrize("message", ["안녕", "hello 가", "ㅋㅋ", "\u1112\u1161\u11ab", "😀뭐"])
def test_a_korean_message_gets_a_korean_text(message: str) -> None:
    assert unsure_text(message) == "잘 모르겠어요."


@pytest.mark.parametrize("message", ["", "hello", "Grüße", "こんにちは", "😀", "漢字"])
def test_others_get_an_english_one(message: str) -> None:
    assert unsure_text(message) == "I am not sure."
