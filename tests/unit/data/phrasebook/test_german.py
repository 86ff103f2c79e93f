import pytest

from pipeline.data.phrasebook.german import adjective, noun, verb

CELLS = ("der Apfel, Äpfel", "die Birne, Birnen", "das Brot", "pl Trauben")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("nom.def", ["der Apfel", "die Birne", "das Brot", "die Trauben"]),
        ("acc.def", ["den Apfel", "die Birne", "das Brot", "die Trauben"]),
        ("dat.def", ["dem Apfel", "der Birne", "dem Brot", "den Trauben"]),
        ("acc.dies", ["diesen Apfel", "diese Birne", "dieses Brot", "diese Trauben"]),
        ("nom.mein", ["mein Apfel", "meine Birne", "mein Brot", "meine Trauben"]),
        ("acc.indef", ["einen Apfel", "eine Birne", "Brot", "Trauben"]),
        ("acc.kein", ["keinen Apfel", "keine Birne", "kein Brot", "keine Trauben"]),
        ("dat.ihr", ["Ihrem Apfel", "Ihrer Birne", "Ihrem Brot", "Ihren Trauben"]),
        ("zu", ["zum Apfel", "zur Birne", "zum Brot", "zu den Trauben"]),
        ("ins", ["in den Apfel", "in die Birne", "ins Brot", "in die Trauben"]),
    ],
)
def test_articles(form: str, expected: list[str]) -> None:
    assert [noun(cell).forms[form].text() for cell in CELLS] == expected


@pytest.mark.parametrize(
    ("cell", "form", "expected"),
    [
        ("der Park, Parks, Parks", "nom.def", "der kleine Park"),
        ("der Park, Parks, Parks", "acc.def", "den kleinen Park"),
        ("der Park, Parks, Parks", "gen.def", "des kleinen Parks"),
        ("der Park, Parks, Parks", "nom.indef", "ein kleiner Park"),
        ("der Park, Parks, Parks", "dat.indef", "einem kleinen Park"),
        ("der Park, Parks, Parks", "am", "am kleinen Park"),
        ("der Park, Parks, Parks", "gen.bare", "kleinen Parks"),
        ("die Birne, Birnen", "acc.dies", "diese kleine Birne"),
        ("die Birne, Birnen", "dat.mein", "meiner kleinen Birne"),
        ("die Birne, Birnen", "dat.bare", "kleiner Birne"),
        ("das Haus, Häuser, Hauses", "acc.unser", "unser kleines Haus"),
        ("das Haus, Häuser, Hauses", "pl.dat.def", "den kleinen Häusern"),
        ("das Haus, Häuser, Hauses", "pl.nom.indef", "kleine Häuser"),
        ("das Haus, Häuser, Hauses", "pl.nom.kein", "keine kleinen Häuser"),
        ("das Brot", "acc.indef", "kleines Brot"),
    ],
)
def test_adjective_endings(cell: str, form: str, expected: str) -> None:
    word = noun(cell).forms[form]
    assert word.text("klein" + word.ending) == expected


def test_a_weak_noun_takes_its_plural_in_other_cases() -> None:
    nephew = noun("der* Neffe, Neffen").forms
    cases = [nephew[f"{case}.def"].text() for case in ("nom", "acc", "dat", "gen")]
    assert cases == ["der Neffe", "den Neffen", "dem Neffen", "des Neffen"]


def test_what_a_cell_does_not_say_is_no_form() -> None:
    assert not {"gen.def", "pl", "pl.nom.def"} & noun("das Brot").forms.keys()
    assert noun("das Brot").gender == "n"


def test_a_plural_has_its_forms_under_both_names() -> None:
    eyes = noun("pl Augen")
    assert eyes.gender == "pl"
    assert eyes.forms["dat.mein"] == eyes.forms["pl.dat.mein"]
    assert eyes.forms["pl"].text() == "Augen"


def test_a_noun_needs_its_gender() -> None:
    with pytest.raises(ValueError, match="'der', 'der\\*', 'die', 'das' or 'pl'"):
        noun("Pflaume, Pflaumen")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Brot backen, gebacken", ["Brot backen", "Brot zu backen", "Brot gebacken", "hat"]),
        ("auf|stehen, bin aufgestanden", ["aufstehen", "aufzustehen", "aufgestanden", "ist"]),
    ],
)
def test_verb(cell: str, expected: list[str]) -> None:
    forms = verb(cell).forms
    assert [forms[name].text() for name in ("", "zu", "pp", "hat")] == expected


def test_a_verb_needs_its_participle() -> None:
    with pytest.raises(ValueError, match="infinitive, participle"):
        verb("Brot backen")


def test_adjective_stem() -> None:
    assert adjective("dunkel, dunkl").forms["stem"].text() == "dunkl"
    assert adjective("klein").forms["stem"].text() == "klein"
