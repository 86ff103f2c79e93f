from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.batch import collate_sources
from pipeline.decoding import LengthLimit, greedy_search
from pipeline.errors import ModelError
from pipeline.insight.attention import attention_map
from pipeline.insight.attention_plot import plot_attention
from pipeline.model_folder import TrainedModel, build_model, load_model
from pipeline.nn.config import ModelConfig


def test_rows_are_the_generated_pieces_and_columns_the_source_pieces(
    tiny_translator_folder: Path,
) -> None:
    trained = load_model(tiny_translator_folder)
    text = "The little dog runs."
    found = attention_map(trained, text)
    assert found.source[-1] == found.target[-1] == "</s>"
    assert "".join(found.source[:-1]).replace("▁", " ").strip() == text
    source = collate_sources([trained.source_tokenizer.encode(text)])
    (hypothesis,) = greedy_search(trained.model, *source, limit=LengthLimit())
    assert found.target[:-1] == trained.target_tokenizer.pieces(hypothesis.ids)
    assert len(found.weights) == len(found.target)
    for row in found.weights:
        assert len(row) == len(found.source)
        assert sum(row) == pytest.approx(1.0, abs=1e-5)


def test_the_weights_are_those_of_the_step_that_generated_the_piece(
    tiny_translator_folder: Path,
) -> None:
    trained = load_model(tiny_translator_folder)
    decoder = trained.model.decoder
    with torch.no_grad():
        # Keys and queries of zero: every place alike, at every step.
        for parameter in (decoder.attention or decoder).parameters():
            parameter.zero_()
    found = attention_map(trained, "Where is the dog?")
    for row in found.weights:
        assert row == pytest.approx([1 / len(found.source)] * len(found.source))


def test_without_attention_there_is_nothing_to_see(tiny_translator_folder: Path) -> None:
    trained = load_model(tiny_translator_folder)
    config = ModelConfig(attention="none", embedding_dim=8, hidden_size=8)
    model = build_model(config, trained.source_tokenizer, trained.target_tokenizer)
    with pytest.raises(ModelError, match="expected a model with attention"):
        attention_map(replace(trained, model=model), "hello")


def test_korean_and_emoji_are_drawn(tiny_translator_folder: Path, tmp_path: Path) -> None:
    trained: TrainedModel = load_model(tiny_translator_folder)
    found = attention_map(trained, "강아지")
    drawn = replace(found, source=["강아지", "😀", "</s>"][: len(found.source)])
    width = len(found.source) - len(drawn.source)
    drawn = replace(drawn, source=drawn.source + ["개"] * width)
    # A glyph that no font has would be a warning, and warnings are errors.
    plot_attention(drawn, tmp_path / "attention.png")
    assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")
