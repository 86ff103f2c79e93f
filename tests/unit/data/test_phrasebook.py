import re
import time
from collections import Counter
from pathlib import Path

import pytest
from pipeline.data.phrasebook import (
    FRAME_CAP,
    LANGUAGES,
    Filler,
    Row,
    attach_particle,
    expand_phrasebook,
    expand_rows,
    load_fillers,
)
from pipeline.errors import DataError

PHRASEBOOK = Path(__file__).parents[3] / "data" / "phrasebook"
POLITE_IDIOMS = ("감사합니다", "죄송합니다", "고맙습니다", "반갑습니다")
Splits = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def classes() -> dict[str, list[Filler]]:
    return load_fillers(PHRASEBOOK / "fillers")


@pytest.fixture(scope="module")
def used() -> dict[str, list[Row]]:
    return expand_rows(PHRASEBOOK)


@pytest.fixture(scope="module")
def splits(used: dict[str, list[Row]]) -> Splits:
    return {name: [row.text for row in split] for name, split in used.items()}


@pytest.fixture(scope="module")
def rows(splits: Splits) -> list[dict[str, str]]:
    return [row for split in splits.values() for row in split]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A phrasebook of one frame, for tests to spoil."""
    (tmp_path / "frames").mkdir()
    (tmp_path / "fillers").mkdir()
    write_fillers(
        tmp_path,
        "an apple, apples | 사과 | der Apfel, Äpfel",
        "a pear, pears | 배 | die Birne, Birnen",
        "bread | 빵 | das Brot",
        "pl grapes | 포도 | pl Trauben",
    )
    write_frame(tmp_path, "{food:을} 살게요.", "Ich kaufe {food.acc.indef}.")
    return tmp_path


def write_fillers(folder: Path, *fillers: str) -> None:
    text = "food:\n  kind: noun\n  fillers:\n" + "".join(f"    - {row}\n" for row in fillers)
    text += "colour:\n  kind: adjective\n  fillers:\n    - orange | 주황색 | dunkel, dunkl\n"
    (folder / "fillers" / "food.yaml").write_text(text, encoding="utf-8")


def write_frame(folder: Path, ko: str, de: str, en: str = "I buy {food.indef}.") -> None:
    text = f'- id: buy\n  en: "{en}"\n  ko: "{ko}"\n  de: "{de}"\n'
    (folder / "frames" / "shop.yaml").write_text(text, encoding="utf-8")


def german(folder: Path, de: str, en: str = "I buy {food.indef}.") -> list[str]:
    write_frame(folder, "{food:을} 살게요." if "colour" not in en else "{colour} {food}요.", de, en)
    return [row["de"] for split in expand_phrasebook(folder).values() for row in split]


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
        ("지하철", "으로", "지하철로"),
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


@pytest.mark.parametrize(("word", "particle"), [("KTX", "을"), ("7", "은"), ("빵", "를")])
def test_particle_refuses_other_endings_and_names(word: str, particle: str) -> None:
    with pytest.raises(ValueError, match=r"Hangul|particles"):
        attach_particle(word, particle)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("nom.def", ["der Apfel", "die Birne", "das Brot", "die Trauben"]),
        ("acc.def", ["den Apfel", "die Birne", "das Brot", "die Trauben"]),
        ("dat.def", ["dem Apfel", "der Birne", "dem Brot", "den Trauben"]),
        ("nom.mein", ["mein Apfel", "meine Birne", "mein Brot", "meine Trauben"]),
        ("acc.indef", ["einen Apfel", "eine Birne", "Brot", "Trauben"]),
        ("acc.kein", ["keinen Apfel", "keine Birne", "kein Brot", "keine Trauben"]),
        ("dat.ihr", ["Ihrem Apfel", "Ihrer Birne", "Ihrem Brot", "Ihren Trauben"]),
        ("zu", ["zum Apfel", "zur Birne", "zum Brot", "zu den Trauben"]),
        ("ins", ["in den Apfel", "in die Birne", "ins Brot", "in die Trauben"]),
    ],
)
def test_german_articles(small: Path, form: str, expected: list[str]) -> None:
    assert sorted(german(small, f"So {{food.{form}}}.")) == sorted(f"So {e}." for e in expected)


def test_german_adjective_before_a_noun(small: Path) -> None:
    frame = "Ich sehe {colour+food.acc.indef} und {klein~food.acc.def}."
    assert sorted(german(small, frame, "I see {colour+food.indef}.")) == [
        "Ich sehe dunkle Trauben und die kleinen Trauben.",
        "Ich sehe dunkles Brot und das kleine Brot.",
        "Ich sehe eine dunkle Birne und die kleine Birne.",
        "Ich sehe einen dunklen Apfel und den kleinen Apfel.",
    ]
    texts = [row["en"] for split in expand_phrasebook(small).values() for row in split]
    assert "I see an orange pear." in texts
    assert "I see orange grapes." in texts


def test_choice_follows_number_and_gender(small: Path) -> None:
    texts = german(small, "{food.nom.def} {food?ist/sind} da: {food?er/sie/es/sie}.")
    assert "Der Apfel ist da: er." in texts
    assert "Die Trauben sind da: sie." in texts


def test_counts(
    rows: list[dict[str, str]], splits: Splits, classes: dict[str, list[Filler]]
) -> None:
    texts = {str(filler.forms) for fillers in classes.values() for filler in fillers}
    assert len({row["frame"] for row in rows}) >= 250
    assert len(texts) >= 800
    assert len({row["situation"] for row in rows}) >= 12
    assert 32_000 <= len(rows) <= 45_000
    assert 900 <= len(splits["validation"]) <= 1_100
    assert 900 <= len(splits["test"]) <= 1_100
    assert max(Counter(row["frame"] for row in rows).values()) <= FRAME_CAP


def test_every_text_is_unique_in_its_language(rows: list[dict[str, str]]) -> None:
    for language in LANGUAGES:
        assert len({row[language] for row in rows}) == len(rows)


def test_texts_are_clean(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for language in LANGUAGES:
            text = row[language]
            assert text == text.strip()
            assert not re.search(r"[{}|_~+;=]|  | [.,?!]", text.replace("; ", ", ")), row
            assert text[-1] in ".?!"
            assert language == "ko" or text[0].isupper() or text[0].isdigit()


def test_korean_is_polite(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for sentence in re.split(r"(?<=[.?!])\s+", row["ko"]):
            ending = sentence.rstrip(".?!")
            assert ending.endswith(("요", "죠", *POLITE_IDIOMS)), row


def test_german_addresses_with_sie(rows: list[dict[str, str]]) -> None:
    informal = re.compile(r"\b(du|dich|dir|dein\w*|euch|euer)\b", re.IGNORECASE)
    assert not [row["de"] for row in rows if informal.search(row["de"])]


def test_expansion_is_a_function_of_the_files(splits: Splits) -> None:
    start = time.perf_counter()
    again = expand_phrasebook(PHRASEBOOK)
    assert again == splits
    assert time.perf_counter() - start < 10  # about 1 s on a quiet machine


def test_held_out_combinations_are_new_but_their_parts_are_known(small: Path) -> None:
    write_fillers(small, *(f"a w{i}, ws{i} | 책{'가' * i} | der W{i}, V{i}" for i in range(40)))
    frame = small / "frames" / "shop.yaml"
    text = '- id: {0}\n  en: "{0} {{food}} {{food2}}."\n  ko: "{0} {{food}} {{food2}}요."\n'
    text += '  de: "{0} {{food}} {{food2}}."\n'
    frame.write_text("".join(text.format(name) for name in ("one", "two")), encoding="utf-8")
    result = expand_phrasebook(small)
    train = [row["en"].rstrip(".").split() for row in result["train"]]
    known = {filler for _, *fillers in train for filler in fillers}
    frames = {frame for frame, *_ in train}
    for name in ("validation", "test"):
        assert result[name]
        for row in result[name]:
            held_out = row["en"].rstrip(".").split()
            assert held_out not in train
            assert held_out[0] in frames
            assert set(held_out[1:]) <= known


def test_every_filler_is_in_training_and_no_held_out_combination(
    used: dict[str, list[Row]], classes: dict[str, list[Filler]]
) -> None:
    known = {use for row in used["train"] for use in row.uses}
    combinations = {(row.text["frame"], row.uses) for row in used["train"]}
    assert known == {(name, i) for name, found in classes.items() for i in range(len(found))}
    for name in ("validation", "test"):
        assert not [r for r in used[name] if (r.text["frame"], r.uses) in combinations]


def test_a_filler_used_once_stays_in_training(small: Path) -> None:
    result = expand_phrasebook(small)
    assert len(result["train"]) == 4
    assert result["validation"] == result["test"] == []


def test_every_split_holds_every_frame(splits: Splits) -> None:
    frames = {name: {row["frame"] for row in split} for name, split in splits.items()}
    assert frames["validation"] == frames["test"] == frames["train"]
    texts = {row["en"] for row in splits["train"]}
    assert not texts & {row["en"] for name in ("validation", "test") for row in splits[name]}


@pytest.mark.parametrize(
    ("ko", "de", "expected"),
    [
        ("{food:을} 살게요.", "Ich kaufe {drink}.", "a known slot class, not 'drink'"),
        ("{food:을} 살게요.", "Ich kaufe {food.akk.def}.", "a form that 'Apfel' has in de"),
        ("{food:를} 살게요.", "Ich kaufe {food}.", "one of the particles"),
        ("살게요.", "Ich kaufe {food}.", "the same slots in ko as in en"),
        ("{food:을} 살게요.", "Ich kaufe {food.}.", "the same slots in de as in en"),
        ("{food:을} 살게요.", "Ich kaufe {food} {.", "well-formed slots in de"),
        ("{food:을} 살게요.", "Ich kaufe {food} {food?a/b/c}.", "2 or 4 choices"),
    ],
)
def test_mistakes_in_a_frame_name_file_and_frame(
    small: Path, ko: str, de: str, expected: str
) -> None:
    write_frame(small, ko, de)
    with pytest.raises(DataError, match=expected) as error:
        expand_phrasebook(small)
    assert str(small / "frames" / "shop.yaml") in str(error.value)
    assert "frame shop/buy" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a plum, plums | 자두 | Pflaume, Pflaumen", "'der', 'der\\*', 'die', 'das' or 'pl'"),
        ("a plum | 자두 | die Pflaume, Pflaumen", "its plural"),
        ("a plum, plums | 자두", "three cells"),
        ("a plum, plums; at | 자두 | die Pflaume", "'name=text'"),
    ],
)
def test_mistakes_in_a_filler_name_file_class_and_row(small: Path, row: str, expected: str) -> None:
    write_fillers(small, row)
    with pytest.raises(DataError, match=expected) as error:
        expand_phrasebook(small)
    assert f"{small / 'fillers' / 'food.yaml'}: class food, '{row}'" in str(error.value)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("frames/shop.yaml", "- id: x\n  en: 'A {food}.'\n", "exactly the keys id, en, ko, de"),
        ("frames/shop.yaml", "- id: x\n  fr: a\n", "exactly the keys"),
        ("frames/shop.yaml", "- [a]\n", "frame 1: expected the text keys"),
        ("frames/shop.yaml", "a: b\n", "a list of frames"),
        ("frames/shop.yaml", "a: [b\n", "readable YAML"),
        ("fillers/food.yaml", "- a\n", "slot classes"),
        ("fillers/food.yaml", "food:\n  kind: noun\n", "the keys kind, fillers"),
        ("fillers/food.yaml", "food:\n  kind: nown\n  fillers: [a]\n", "noun"),
    ],
)
def test_mistakes_in_a_file_name_it(small: Path, file: str, text: str, expected: str) -> None:
    (small / file).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=expected) as error:
        expand_phrasebook(small)
    assert str(small / file) in str(error.value)


def test_two_frames_with_one_id(small: Path) -> None:
    file = small / "frames" / "shop.yaml"
    file.write_text(file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(DataError, match=r"frame shop/buy: expected an id that no other"):
        expand_phrasebook(small)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a folder with \.yaml files"):
        expand_phrasebook(tmp_path)
