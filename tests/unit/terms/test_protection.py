import pytest

from pipeline.terms.protection import KINDS, PATTERNS, Kind, take_marks


def found(kind: Kind, text: str) -> list[str]:
    return [match[0] for match in PATTERNS[kind].finditer(text)]


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("See https://a.b/c?d=e#f.", ["https://a.b/c?d=e#f"]),
        ("(www.example.com/x), http://x.de/", ["www.example.com/x", "http://x.de/"]),
        ("HTTPS://A.B and Www.x.de!", ["HTTPS://A.B", "Www.x.de"]),
        ("https://a.b/c에서 봐요", ["https://a.b/c"]),
        ("example.com, xwww.a.de", []),
    ],
)
def test_urls_without_the_punctuation_after_them(text: str, urls: list[str]) -> None:
    assert found("urls", text) == urls


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("Write to a.b+c@mail.example.org.", ["a.b+c@mail.example.org"]),
        ("<info@zoo.de>, info@zoo.de로", ["info@zoo.de", "info@zoo.de"]),
        ("@you, me@home", []),
    ],
)
def test_emails(text: str, emails: list[str]) -> None:
    assert found("emails", text) == emails


def test_marks_are_taken_and_the_spans_stay() -> None:
    text, spans = take_marks("Ask <keep>Dr. Who</keep>, <keep> or </keep>Ann<keep>!</keep>")
    assert text == "Ask Dr. Who, orAnn!"
    assert [text[begin:end] for begin, end in spans] == ["Dr. Who", "or", "!"]


@pytest.mark.parametrize("text", ["", "no marks", "<keep>", "</keep> a <keep>", "<keep> </keep>"])
def test_marks_that_hold_nothing_are_text(text: str) -> None:
    assert take_marks(text) == (text, [])


def test_every_kind_but_marks_has_a_pattern() -> None:
    assert {*PATTERNS, "marked"} == set(KINDS)
