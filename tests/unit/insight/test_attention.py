from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.batch import collate_sources
from pipeline.decoding import LengthLimit, greedy_search
from pipeline.errors import ModelError
from pipeline.insight.attention import AttentionMap, attention_map
from pipeline.insight.attention_plot import plot_attention
from pipeline.model_folder import load_model
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import BOS_ID
from tests.building import build_model


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


def test_the_weights_are_those_of_reading_the_whole_hypothesis_at_once(
    tiny_translator_folder: Path,
) -> None:
    trained = load_model(tiny_translator_folder)
    text = "Where is the dog?"
    found = attention_map(trained, text)
    source = collate_sources([trained.source_tokenizer.encode(text)])
    (hypothesis,) = greedy_search(trained.model, *source, limit=LengthLimit())
    decoder = trained.model.decoder
    with torch.inference_mode():
        state = trained.model.encode(*source)
        inputs = decoder.embedding(torch.tensor([[BOS_ID, *hypothesis.ids]]))
        outputs, _ = decoder.layers[0](inputs, state.layers[0])
        assert decoder.attention is not None
        _, weights = decoder.attention(outputs, state.keys[-1], state.values[-1], state.source_mask)
    torch.testing.assert_close(torch.tensor(found.weights), weights[0], rtol=0, atol=1e-5)
    assert float(weights[0].std(dim=0).max()) > 0.01  # each piece looks elsewhere


def test_without_attention_there_is_nothing_to_see(tiny_translator_folder: Path) -> None:
    trained = load_model(tiny_translator_folder)
    config = ModelConfig(attention="none", embedding_dim=8, hidden_size=8)
    model = build_model(config, trained.source_tokenizer, trained.target_tokenizer)
    with pytest.raises(ModelError, match="expected a model with attention"):
        attention_map(replace(trained, network=model), "hello")


def test_the_tag_of_the_target_language_is_looked_at_too(tiny_multilingual_folder: Path) -> None:
    trained = load_model(tiny_multilingual_folder)
    german, korean = (
        attention_map(trained, "The dog", target_language=each) for each in ("de", "ko")
    )
    assert german.source == ["<2de>", *korean.source[1:]]
    assert korean.source[0] == "<2ko>"
    assert "".join(korean.source[1:-1]) == "▁The▁dog"
    assert german.target != korean.target
    assert all(len(row) == len(german.source) for row in german.weights)


def test_korean_and_emoji_are_drawn(tmp_path: Path) -> None:
    found = AttentionMap(
        ["강아지", "😀", "</s>"], ["개", "</s>"], [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    )
    # A glyph that no font has would be a warning, and warnings are errors.
    plot_attention(found, tmp_path / "attention.png")
    assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")
