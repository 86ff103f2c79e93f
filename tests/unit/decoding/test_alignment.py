import pytest
import torch

from pipeline.batch import collate, collate_sources
from pipeline.decoding import attention_along
from pipeline.errors import ConfigError
from pipeline.tokenizer import BOS_ID
from tests.unit.decoding.test_coverage import LookingScript
from tests.unit.decoding.test_search import SOURCES, A, B, Script, network, seeds


def test_a_row_is_where_the_step_looked_that_gives_the_token() -> None:
    script = LookingScript({})
    weights = attention_along(script, *collate_sources([[A, B]]), [B, A])
    assert torch.equal(weights, script.looks[[BOS_ID, B, A]])


@seeds
def test_the_weights_are_those_of_the_whole_run(seed: int) -> None:
    model = network(seed)
    ids = [4, 6, 5, 5]
    batch = collate([SOURCES[0]], [ids])
    decoder = model.decoder
    assert decoder.attention is not None
    with torch.inference_mode():
        state = model.encode(batch.source_ids, batch.source_lengths)
        outputs, _ = decoder.layers[0](decoder.embedding(batch.decoder_input_ids), state.layers[0])
        _, expected = decoder.attention(
            outputs, state.keys[-1], state.values[-1], state.source_mask
        )
    weights = attention_along(model, batch.source_ids, batch.source_lengths, ids)
    torch.testing.assert_close(weights, expected[0], atol=1e-5, rtol=1e-4)


def test_without_attention_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="expected a model with attention"):
        attention_along(Script({}), *collate_sources([[A]]), [A])
