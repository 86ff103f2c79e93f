from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model_card import model_card
from pipeline.model_folder import TrainedModel, load_model


@pytest.fixture
def translator(tiny_translator_folder: Path) -> TrainedModel:
    return load_model(tiny_translator_folder)


def test_the_card_says_what_the_model_is_and_how_it_came_to_be(translator: TrainedModel) -> None:
    card = model_card(translator)
    num_parameters = sum(parameter.numel() for parameter in translator.model.parameters())
    for part in (
        "# tiny-translation\n",
        "for translation",
        "| data | `pairs.tsv`, en to ko |",
        "| cell, attention | gru, general |",
        f"| parameters | {num_parameters:,} |",
        "| vocabulary | 330 pieces |",
        "| trained by | `seq2seq train --config configs/tiny-translation.yaml` |",
        "Scores on the test split:",
        "| bleu | 12.35 |",
        "| num_sentences | 7 |",
        'Translator.from_pretrained("this/folder")',
    ):
        assert part in card


def test_the_card_of_a_chatbot_shows_a_chat(tiny_chat_folder: Path) -> None:
    card = model_card(load_model(tiny_chat_folder))
    assert "| data | `talk.jsonl`, turns |" in card
    assert 'ChatSession.from_pretrained("this/folder").reply' in card
    assert "Translator" not in card


def test_a_model_without_scores_has_no_table_of_scores(translator: TrainedModel) -> None:
    assert "Scores" not in model_card(replace(translator, scores={}))


def test_the_card_is_the_folders_readme(
    translator: TrainedModel, tiny_translator_folder: Path
) -> None:
    readme = (tiny_translator_folder / "README.md").read_text(encoding="utf-8")
    assert readme == model_card(translator)


def test_the_signature_does_not_break_the_table(tiny_translator_folder: Path) -> None:
    trained = replace(
        load_model(tiny_translator_folder), scores={"test": {"signature": "nrefs:1|case:mixed"}}
    )
    (row,) = [line for line in model_card(trained).splitlines() if "signature" in line]
    assert row.replace(r"\|", "").count("|") == 3


def test_the_card_of_several_languages_names_their_directions(
    tiny_multilingual_folder: Path,
) -> None:
    trained = load_model(tiny_multilingual_folder)
    scores = {"validation": {"val_bleu": 1.0}, "test, en to ko": {"bleu": 2.0}}
    card = model_card(replace(trained, scores=scores))
    assert "corpus`, en to de, en to ko |" in card
    assert "Scores on the validation split:" in card
    assert "Scores on the test split, en to ko:" in card
    assert 'from_pretrained("this/folder")("...", target_language="de")' in card
