import pytest

from pipeline.data.phrasebook.korean import adjective, attach_particle, conjugate, is_verb, verb


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("사과", "은", "사과는"),
        ("빵", "은", "빵은"),
        ("사과", "이", "사과가"),
        ("빵", "이", "빵이"),
        ("사과", "을", "사과를"),
        ("귤", "을", "귤을"),
        ("커피", "과", "커피와"),
        ("물", "과", "물과"),
        ("부산", "으로", "부산으로"),
        ("제주", "으로", "제주로"),
        ("서울", "으로", "서울로"),
        ("지하철", "으로만", "지하철로만"),
        ("부엌", "으로", "부엌으로"),
        ("의사", "이에요", "의사예요"),
        ("학생", "이에요", "학생이에요"),
        ("커피", "이나", "커피나"),
        ("물", "이나", "물이나"),
        ("안나", "이라고", "안나라고"),
        ("민준", "이라고", "민준이라고"),
        ("지호", "아", "지호야"),
        ("지훈", "아", "지훈아"),
    ],
)
def test_particle_follows_the_final_sound(word: str, particle: str, expected: str) -> None:
    assert attach_particle(word, particle) == expected


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("KTX", "을", "Hangul"),
        ("7", "은", "Hangul"),
        ("", "은", "Hangul"),
        ("빵", "를", "particles"),
    ],
)
def test_particle_refuses_other_endings_and_names(word: str, particle: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        attach_particle(word, particle)


@pytest.mark.parametrize(
    ("cell", "ending", "expected"),
    [
        ("책을 읽다, 읽어요", "고", "책을 읽고"),
        ("책을 읽다, 읽어요", "는", "책을 읽는"),
        ("책을 읽다, 읽어요", "으면", "책을 읽으면"),
        ("책을 읽다, 읽어요", "을게요", "책을 읽을게요"),
        ("책을 읽다, 읽어요", "아요", "책을 읽어요"),
        ("책을 읽다, 읽어요", "았어요", "책을 읽었어요"),
        ("영화를 보다, 봐요", "으려고", "영화를 보려고"),
        ("영화를 보다, 봐요", "을", "영화를 볼"),
        ("영화를 보다, 봐요", "았으니까", "영화를 봤으니까"),
        ("빵을 만들다, 만들어요", "지만", "빵을 만들지만"),
        ("빵을 만들다, 만들어요", "는", "빵을 만드는"),
        ("빵을 만들다, 만들어요", "으러", "빵을 만들러"),
        ("빵을 만들다, 만들어요", "으세요", "빵을 만드세요"),
        ("빵을 만들다, 만들어요", "으시겠어요", "빵을 만드시겠어요"),
        ("빵을 만들다, 만들어요", "은", "빵을 만든"),
        ("음악을 듣다, 들어요, 들으", "지", "음악을 듣지"),
        ("음악을 듣다, 들어요, 들으", "으세요", "음악을 들으세요"),
        ("음악을 듣다, 들어요, 들으", "아서", "음악을 들어서"),
        ("등산하다, 등산해요", "았는데", "등산했는데"),
    ],
)
def test_conjugation(cell: str, ending: str, expected: str) -> None:
    assert conjugate(verb(cell).forms, ending) == expected


def test_an_unknown_verb_ending() -> None:
    with pytest.raises(ValueError, match="a known verb ending, not '습니다'"):
        conjugate(verb("읽다, 읽어요").forms, "습니다")


@pytest.mark.parametrize("cell", ["읽다", "읽어요", "읽다, 읽어", "다, 요"])
def test_a_verb_needs_two_forms(cell: str) -> None:
    with pytest.raises(ValueError, match=r"…다, …요|Hangul"):
        verb(cell)


def test_an_adjective_is_a_verb_if_it_has_one() -> None:
    dark = adjective("어두운, 어둡다, 어두워요, 어두우").forms
    assert dark[""].core == "어두운"
    assert conjugate(dark, "으면") == "어두우면"
    assert not is_verb(adjective("빨간").forms)
