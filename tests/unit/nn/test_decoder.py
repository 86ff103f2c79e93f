import math
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from pipeline.batch import collate
from pipeline.nn.config import AttentionName, AttentionPlace, CellName, ModelConfig
from pipeline.nn.decoder import Decoder, DecoderState
from pipeline.nn.embedding import Embedding
from pipeline.nn.encoder import EncoderOutput
from pipeline.tokenizer import BOS_ID

VOCAB_SIZE, EMBEDDING_DIM, HIDDEN_SIZE = 20, 5, 6
cells = pytest.mark.parametrize("cell", get_args(CellName))
attentions = pytest.mark.parametrize("attention", get_args(AttentionName))


def build(
    cell: CellName,
    attention: AttentionName,
    *,
    num_layers: int = 2,
    attention_after: AttentionPlace = "last",
    input_feeding: bool = False,
    lexical: bool = False,
    coverage: bool = False,
) -> Decoder:
    torch.manual_seed(9)
    config = ModelConfig(
        cell=cell,
        attention=attention,
        attention_after=attention_after,
        input_feeding=input_feeding,
        lexical=lexical,
        coverage=coverage,
        num_heads=3,
        embedding_dim=EMBEDDING_DIM,
        hidden_size=HIDDEN_SIZE,
        num_layers=num_layers,
        dropout=0.3,
    )
    return Decoder(config, Embedding(VOCAB_SIZE, EMBEDDING_DIM)).eval()


def encoded(*, num_layers: int = 2) -> EncoderOutput:
    torch.manual_seed(10)
    return EncoderOutput(
        outputs=torch.randn(3, 4, HIDDEN_SIZE),
        final_states=tuple(torch.randn(3, HIDDEN_SIZE) for _ in range(num_layers)),
        source_mask=torch.arange(4) < torch.tensor([[4], [2], [3]]),
    )


def decoder_input_ids() -> Tensor:
    return collate([[]] * 3, [[4, 5, 6], [7, 8, 9], [10, 11, 12]]).decoder_input_ids


def unrolled(decoder: Decoder, state: DecoderState) -> tuple[Tensor, DecoderState]:
    features = []
    for token_ids in decoder_input_ids().unbind(dim=1):
        step_features, state = decoder.step(token_ids, state)
        features.append(step_features)
    return torch.stack(features, dim=1), state


def tensors(state: DecoderState) -> list[Tensor]:
    parts = [part for layer in state.layers for part in layer]
    weights = [] if state.attention_weights is None else [state.attention_weights]
    looks = [] if state.looks is None else [*state.looks]
    return [*parts, *state.keys, *state.values, state.source_mask, *weights, *looks]


@cells
@attentions
@pytest.mark.parametrize("training", [True, False])
def test_steps_unrolled_are_the_whole_run(
    cell: CellName, attention: AttentionName, training: bool
) -> None:
    decoder = build(cell, attention)
    with torch.set_grad_enabled(training):
        state = decoder.initial_state(encoded())
        whole = decoder(decoder_input_ids(), state)
        steps, _ = unrolled(decoder, state)
    torch.testing.assert_close(steps, whole, rtol=0, atol=1e-6)


@cells
@attentions
def test_selecting_rows_then_a_step_is_a_step_then_selecting(
    cell: CellName, attention: AttentionName
) -> None:
    decoder = build(cell, attention)
    _, state = unrolled(decoder, decoder.initial_state(encoded()))
    token_ids, rows = torch.tensor([4, 5, 6]), torch.tensor([2, 0, 0, 2, 1])
    with torch.inference_mode():
        features, after = decoder.step(token_ids, state)
        selected_features, selected_after = decoder.step(token_ids[rows], state.select(rows))
    torch.testing.assert_close(selected_features, features[rows], rtol=0, atol=1e-6)
    torch.testing.assert_close(
        tensors(selected_after), tensors(after.select(rows)), rtol=0, atol=1e-6
    )
    assert len(tensors(after)) == len(tensors(state))


@attentions
def test_a_step_leaves_the_state_before_it_as_it_was(attention: AttentionName) -> None:
    decoder = build("lstm", attention)
    state = decoder.initial_state(encoded())
    before = [tensor.clone() for tensor in tensors(state)]
    with torch.inference_mode():
        decoder.step(torch.tensor([4, 5, 6]), state)
    assert all(map(torch.equal, tensors(state), before))


@attentions
def test_where_the_encoder_outputs_count_is_attention_alone(attention: AttentionName) -> None:
    decoder = build("gru", attention)
    source = encoded()
    changed = source._replace(outputs=source.outputs + torch.randn(3, 4, HIDDEN_SIZE))
    features = decoder(decoder_input_ids(), decoder.initial_state(source))
    changed_features = decoder(decoder_input_ids(), decoder.initial_state(changed))
    assert torch.equal(features, changed_features) == (attention == "none")


@cells
@attentions
def test_the_final_states_of_the_encoder_count(cell: CellName, attention: AttentionName) -> None:
    decoder = build(cell, attention)
    source = encoded()
    features = decoder(decoder_input_ids(), decoder.initial_state(source))
    for layer in range(2):
        final_states = list(source.final_states)
        final_states[layer] = -final_states[layer]
        changed = source._replace(final_states=tuple(final_states))
        changed_features = decoder(decoder_input_ids(), decoder.initial_state(changed))
        assert not torch.allclose(changed_features, features)


@attentions
def test_the_weights_of_a_step_are_kept_in_the_state(attention: AttentionName) -> None:
    decoder = build("gru", attention)
    state = decoder.initial_state(encoded())
    assert state.attention_weights is None
    _, state = decoder.step(torch.tensor([BOS_ID] * 3), state)
    if attention == "none":
        assert state.attention_weights is None
        return
    assert state.attention_weights is not None
    torch.testing.assert_close(state.attention_weights.sum(dim=-1), torch.ones(3))
    assert (state.attention_weights[~state.source_mask] == 0).all()


def test_the_first_state_is_the_bridge_by_hand() -> None:
    decoder = build("lstm", "none", num_layers=1)
    bridge = decoder.bridges[0]
    assert isinstance(bridge, nn.Linear)
    source = encoded(num_layers=1)
    ((h, c),) = decoder.initial_state(source).layers
    expected = torch.tanh(source.final_states[0] @ bridge.weight.t() + bridge.bias)
    torch.testing.assert_close(h, expected[:, :HIDDEN_SIZE])
    torch.testing.assert_close(c, expected[:, HIDDEN_SIZE:])


def test_features_are_luongs_attentional_state_by_hand() -> None:
    decoder = build("elman", "dot", num_layers=1)
    source = encoded(num_layers=1)
    features, state = decoder.step(torch.tensor([BOS_ID] * 3), decoder.initial_state(source))
    ((h,),) = state.layers
    for row, length in enumerate([4, 2, 3]):
        outputs = source.outputs[row, :length]
        weights = (outputs @ h[row] / math.sqrt(HIDDEN_SIZE)).softmax(dim=0)
        context = weights @ outputs
        # h~ = tanh(W_c [c; h]), equation 5 of Luong et al. (2015)
        expected = torch.tanh(decoder.W_c(torch.cat([context, h[row]])))
        torch.testing.assert_close(features[row], expected, rtol=0, atol=1e-6)


def test_features_do_not_see_later_tokens() -> None:
    decoder = build("gru", "general")
    state = decoder.initial_state(encoded())
    ids = decoder_input_ids()
    changed = ids.clone()
    changed[:, 2] = 19
    features, changed_features = decoder(ids, state), decoder(changed, state)
    assert torch.equal(features[:, :2], changed_features[:, :2])
    assert not torch.allclose(features[:, 2], changed_features[:, 2])


@pytest.mark.parametrize("attention", ["dot", "general", "additive", "multi_head"])
@pytest.mark.parametrize("cell", ["gru", "lstm", "elman", "mingru"])
def test_steps_are_the_whole_run_with_attention_after_each_layer(
    cell: CellName, attention: AttentionName
) -> None:
    decoder = build(cell, attention, num_layers=3, attention_after="each")
    state = decoder.initial_state(encoded(num_layers=3))
    assert len(state.keys) == len(state.values) == 3
    steps, last = unrolled(decoder, state)
    torch.testing.assert_close(steps, decoder(decoder_input_ids(), state), rtol=0, atol=1e-6)
    rows = torch.tensor([2, 0, 0])
    token_ids = torch.tensor([4, 5, 6])
    features, _ = decoder.step(token_ids, last)
    selected, _ = decoder.step(token_ids[rows], last.select(rows))
    torch.testing.assert_close(selected, features[rows], rtol=0, atol=1e-6)


@pytest.mark.parametrize("attention_after", ["last", "each"])
def test_only_with_attention_after_each_layer_the_states_above_know_the_source(
    attention_after: AttentionPlace,
) -> None:
    decoder = build("gru", "general", attention_after=attention_after)
    source = encoded()
    changed = source._replace(outputs=source.outputs + torch.randn(3, 4, HIDDEN_SIZE))
    _, state = unrolled(decoder, decoder.initial_state(source))
    _, other = unrolled(decoder, decoder.initial_state(changed))
    assert torch.equal(state.layers[0][0], other.layers[0][0])
    assert torch.equal(state.layers[1][0], other.layers[1][0]) == (attention_after == "last")


@pytest.mark.parametrize("attention", ["none", "general"])
@pytest.mark.parametrize("cell", ["gru", "lstm", "elman"])
def test_with_input_feeding_a_step_reads_the_features_before_it(
    cell: CellName, attention: AttentionName
) -> None:
    decoder = build(cell, attention, input_feeding=True)
    state = decoder.initial_state(encoded())
    steps, last = unrolled(decoder, state)
    torch.testing.assert_close(steps, decoder(decoder_input_ids(), state), rtol=0, atol=1e-6)
    assert last.fed is not None
    assert torch.equal(last.fed, steps[:, -1])
    token_ids, rows = torch.tensor([4, 5, 6]), torch.tensor([2, 0, 0])
    features, _ = decoder.step(token_ids, last)
    selected, _ = decoder.step(token_ids[rows], last.select(rows))
    torch.testing.assert_close(selected, features[rows], rtol=0, atol=1e-6)
    other, _ = decoder.step(token_ids, replace(last, fed=torch.zeros_like(last.fed)))
    assert not torch.allclose(other, features)


@pytest.mark.parametrize("attention", ["general", "multi_head"])
@pytest.mark.parametrize("attention_after", get_args(AttentionPlace))
def test_the_words_looked_at_go_straight_to_the_features(
    attention: AttentionName, attention_after: AttentionPlace
) -> None:
    decoder = build("gru", attention, attention_after=attention_after, lexical=True)
    words = torch.randn(3, 4, EMBEDDING_DIM)
    state = decoder.initial_state(encoded()._replace(words=words))
    steps, last = unrolled(decoder, state)
    torch.testing.assert_close(steps, decoder(decoder_input_ids(), state), rtol=0, atol=1e-6)
    token_ids, rows = torch.tensor([4, 5, 6]), torch.tensor([2, 0, 0])
    features, after = decoder.step(token_ids, last)
    selected, _ = decoder.step(token_ids[rows], last.select(rows))
    torch.testing.assert_close(selected, features[rows], rtol=0, atol=1e-6)

    assert decoder.lexical is not None
    assert after.attention_weights is not None
    found = (after.attention_weights.unsqueeze(1) @ decoder.lexical(words)).squeeze(1)
    without, _ = decoder.step(token_ids, replace(last, words=None))
    torch.testing.assert_close(features - without, found, rtol=0, atol=1e-6)


@pytest.mark.parametrize("attention", [n for n in get_args(AttentionName) if n != "none"])
@pytest.mark.parametrize("input_feeding", [False, True])
def test_what_was_covered_goes_with_the_state(
    attention: AttentionName, input_feeding: bool
) -> None:
    decoder = build("gru", attention, coverage=True, input_feeding=input_feeding)
    state = decoder.initial_state(encoded())
    steps, last = unrolled(decoder, state)
    torch.testing.assert_close(steps, decoder(decoder_input_ids(), state), rtol=0, atol=1e-6)

    token_ids, rows = torch.tensor([4, 5, 6]), torch.tensor([2, 0, 0])
    features, after = decoder.step(token_ids, last)
    selected, selected_after = decoder.step(token_ids[rows], last.select(rows))
    torch.testing.assert_close(selected, features[rows], rtol=0, atol=1e-6)
    torch.testing.assert_close(tensors(selected_after), tensors(after.select(rows)))

    assert last.looks is not None
    num_steps = float(decoder_input_ids().shape[1])
    torch.testing.assert_close(last.looks.covered.sum(dim=1), torch.full((3,), num_steps))
    assert not last.looks.covered[~last.source_mask].any()  # nothing on padding
    forgetful = replace(last, looks=state.looks)
    other, _ = decoder.step(token_ids, forgetful)
    assert not torch.allclose(other, features)


def test_coverage_gives_a_sentence_in_company_the_numbers_that_it_has_alone() -> None:
    decoder = build("gru", "general", coverage=True)
    source = encoded()
    together = decoder(decoder_input_ids(), decoder.initial_state(source))
    alone = decoder(
        decoder_input_ids()[1:2], decoder.initial_state(source.select(torch.tensor([1])))
    )
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "parts",
    [
        {"attention": "general", "lexical": True, "coverage": True},
        {"attention": "multi_head", "input_feeding": True, "attention_after": "each"},
        {"attention": "none"},
    ],
)
def test_to_reorder_the_rows_of_one_source_is_to_select_them(parts: dict[str, Any]) -> None:
    decoder = build("lstm", **parts)
    source = encoded()._replace(words=torch.randn(3, 4, EMBEDDING_DIM))
    state = decoder.initial_state(source).select(torch.tensor([0, 0, 1, 1]))
    _, state = decoder.step(torch.tensor([4, 5, 6, 7]), state)  # rows of a source differ from here
    rows, token_ids = torch.tensor([1, 0, 3, 3]), torch.tensor([8, 9, 10, 11])
    expected, expected_state = decoder.step(token_ids, state.select(rows))
    found, found_state = decoder.step(token_ids, state.reorder(rows))
    assert torch.equal(found, expected)
    assert not torch.equal(found, decoder.step(token_ids, state)[0])
    torch.testing.assert_close(tensors(found_state), tensors(expected_state), rtol=0, atol=0)
