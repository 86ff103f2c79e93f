from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"num_heads": 0}, "num_heads"),
        ({"embedding_dim": 0}, "embedding_dim"),
        ({"hidden_size": -2}, "hidden_size"),
        ({"num_layers": 0}, "num_layers"),
        ({"dropout": -0.1}, "dropout"),
        ({"dropout": 1.0}, "dropout"),
        ({"hidden_size": 7}, "hidden_size"),
        ({"attention": "multi_head", "hidden_size": 6, "num_heads": 4}, "num_heads"),
    ],
)
def test_a_bad_value_is_an_error_that_names_its_key(values: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.{key}: expected .*, got {values[key]}$"):
        ModelConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"word_dropout": 1.0}, "word_dropout: expected 0 <= word_dropout"),
        ({"embedding_dropout": 1.0}, "embedding_dropout: expected 0 <= embedding_dropout"),
        ({"weight_dropout": 0.2, "cell": "elman"}, "weight_dropout: .* gru or lstm, got elman"),
        ({"input_feeding": True, "variational_dropout": True}, "variational_dropout: not possible"),
        ({"attention_after": "each", "attention": "none"}, "attention_after: .* got none"),
        ({"lexical": True, "attention": "none"}, "lexical: expected with an attention, got none"),
        ({"lexical": True, "embedding": "one_hot"}, "lexical: .* learned embeddings, got one_hot"),
        ({"coverage": True, "attention": "none"}, "coverage: expected with an attention, got none"),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.{message}"):
        ModelConfig(**values)


def test_an_odd_hidden_size_is_fine_in_one_direction() -> None:
    assert ModelConfig(hidden_size=7, bidirectional=False).hidden_size == 7


def test_heads_need_to_divide_the_hidden_size_only_where_there_are_heads() -> None:
    assert ModelConfig(attention="dot", hidden_size=6, num_heads=4).num_heads == 4
