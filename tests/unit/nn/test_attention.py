import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from pipeline.nn.attention import (
    AdditiveAttention,
    Attention,
    DotAttention,
    GeneralAttention,
    MultiHeadAttention,
    build_attention,
    masked_softmax,
)
from pipeline.nn.config import AttentionName

HIDDEN_SIZE = 6
attentions = pytest.mark.parametrize("name", [n for n in get_args(AttentionName) if n != "none"])


def build(name: AttentionName) -> Attention:
    torch.manual_seed(2)
    attention = build_attention(name, HIDDEN_SIZE, num_heads=3)
    assert attention is not None
    return attention


def attend(
    attention: Attention, queries: Tensor, encoder_outputs: Tensor, source_mask: Tensor
) -> tuple[Tensor, Tensor]:
    keys, values = attention.keys(encoder_outputs), attention.values(encoder_outputs)
    contexts, weights = attention(queries, keys, values, source_mask)
    return contexts, weights


def example() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(4)
    source_mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    return torch.randn(2, 4, HIDDEN_SIZE), 2 * torch.randn(2, 5, HIDDEN_SIZE), source_mask


@attentions
def test_weights_sum_to_one_and_are_exactly_zero_on_padding(name: AttentionName) -> None:
    queries, encoder_outputs, source_mask = example()
    _, weights = attend(build(name), queries, encoder_outputs, source_mask)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 4))
    assert (weights[0, :, 3:] == 0).all()
    assert (weights[0, :, :3] > 0).all()
    assert (weights[1] > 0).all()


@attentions
def test_the_length_and_content_of_the_padding_do_not_matter(name: AttentionName) -> None:
    attention = build(name)
    queries, encoder_outputs, source_mask = example()
    contexts, weights = attend(attention, queries, encoder_outputs, source_mask)
    alone, alone_weights = attend(
        attention, queries[:1], encoder_outputs[:1, :3], source_mask[:1, :3]
    )
    torch.testing.assert_close(contexts[:1], alone, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights[:1, :, :3], alone_weights, rtol=0, atol=1e-6)
    encoder_outputs[0, 3:] = 1000.0
    changed, _ = attend(attention, queries, encoder_outputs, source_mask)
    torch.testing.assert_close(changed, contexts, rtol=0, atol=1e-6)


@attentions
def test_no_gradient_comes_from_padding(name: AttentionName) -> None:
    queries, encoder_outputs, source_mask = example()
    encoder_outputs.requires_grad_()
    contexts, _ = attend(build(name), queries, encoder_outputs, source_mask)
    contexts.square().sum().backward()
    assert encoder_outputs.grad is not None
    assert (encoder_outputs.grad[0, 3:] == 0).all()
    assert (encoder_outputs.grad[0, :3] != 0).any()


@attentions
def test_all_queries_at_once_are_one_query_at_a_time(name: AttentionName) -> None:
    attention = build(name)
    queries, encoder_outputs, source_mask = example()
    contexts, _ = attend(attention, queries, encoder_outputs, source_mask)
    steps = [
        attend(attention, query.unsqueeze(1), encoder_outputs, source_mask)[0]
        for query in queries.unbind(dim=1)
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), contexts, rtol=0, atol=1e-6)


@attentions
def test_the_order_of_the_source_does_not_matter_to_the_context(name: AttentionName) -> None:
    attention = build(name)
    queries, encoder_outputs, source_mask = example()
    order = torch.tensor([4, 2, 0, 3, 1])
    contexts, weights = attend(attention, queries, encoder_outputs, source_mask)
    moved, moved_weights = attend(
        attention, queries, encoder_outputs[:, order], source_mask[:, order]
    )
    torch.testing.assert_close(moved, contexts, rtol=0, atol=1e-6)
    torch.testing.assert_close(moved_weights, weights[:, :, order], rtol=0, atol=1e-6)


def test_dot_scores_by_hand() -> None:
    queries = torch.tensor([[[1.0, 2.0], [0.0, -1.0]]])
    keys = torch.tensor([[[3.0, 4.0], [-1.0, 0.5], [0.0, 2.0]]])
    # 1*3 + 2*4 = 11;  -1 + 2*0.5 = 0;  2*2 = 4.  Second query: -4, -0.5, -2.  All over sqrt(2).
    expected = torch.tensor([[[11.0, 0.0, 4.0], [-4.0, -0.5, -2.0]]]) / math.sqrt(2)
    torch.testing.assert_close(DotAttention(2).scores(queries, keys), expected)


def test_the_context_is_the_sum_of_the_values_under_the_weights_by_hand() -> None:
    queries = torch.tensor([[[math.sqrt(2), 0.0]]])  # the scores are over sqrt(2)
    encoder_outputs = torch.tensor([[[0.0, 4.0], [math.log(3), 8.0], [50.0, 50.0]]])
    source_mask = torch.tensor([[True, True, False]])
    contexts, weights = attend(DotAttention(2), queries, encoder_outputs, source_mask)
    # exp(0) = 1 and exp(log 3) = 3: weights 1/4 and 3/4; context [3/4 log 3, 4/4 + 3*8/4].
    torch.testing.assert_close(weights, torch.tensor([[[0.25, 0.75, 0.0]]]))
    torch.testing.assert_close(contexts, torch.tensor([[[0.75 * math.log(3), 7.0]]]))


def test_general_scores_by_hand() -> None:
    attention = GeneralAttention(2)
    attention.W.weight.data = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    keys = attention.keys(torch.tensor([[[1.0, 3.0], [-1.0, 0.0]]]))
    # W s = [3, 2 + 9] = [3, 11];  W s = [0, -2].  h = [1, 0.5]: 3 + 5.5 and -1, over sqrt(2).
    scores = attention.scores(torch.tensor([[[1.0, 0.5]]]), keys)
    torch.testing.assert_close(scores, torch.tensor([[[8.5, -1.0]]]) / math.sqrt(2))


def test_additive_scores_by_hand() -> None:
    attention = AdditiveAttention(2)
    attention.W.weight.data = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    attention.U.weight.data = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    attention.v.weight.data = torch.tensor([[3.0, -1.0]])
    keys = attention.keys(torch.tensor([[[9.0, 0.5], [9.0, -0.5]]]))
    scores = attention.scores(torch.tensor([[[0.2, 0.3]]]), keys)
    # W h = [0.2, 0.5];  U s = [1, 0] and [-1, 0].
    # 3 tanh(1.2) - tanh(0.5) = 2.500965 - 0.462117;  3 tanh(-0.8) - tanh(0.5)
    torch.testing.assert_close(scores, torch.tensor([[[2.038848, -2.454227]]]), rtol=0, atol=1e-5)


def test_one_head_is_a_scaled_dot_product_by_hand() -> None:
    attention = MultiHeadAttention(2, 1)
    attention.W_q.weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    attention.W_k.weight.data = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    attention.W_v.weight.data = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    attention.W_o.weight.data = torch.tensor([[1.0, 0.0], [0.0, 10.0]])
    encoder_outputs = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    queries = torch.tensor([[[0.5, 3.0]]])
    # q = [1, 3];  k = [1, 0] and [1, 1];  q k / sqrt(2) = 1 / sqrt(2) and 4 / sqrt(2).
    scores = attention.scores(queries, attention.keys(encoder_outputs))
    expected = torch.tensor([[[1.0, 4.0]]]) / math.sqrt(2)
    torch.testing.assert_close(scores, expected)
    contexts, weights = attend(attention, queries, encoder_outputs, torch.ones(1, 2).bool())
    second = 1 / (1 + math.exp(-3 / math.sqrt(2)))
    torch.testing.assert_close(weights, torch.tensor([[[1 - second, second]]]))
    # The values are [0, 1] and [1, 0]: their sum is [second, first], then W_o.
    torch.testing.assert_close(contexts, torch.tensor([[[second, 10 * (1 - second)]]]))


def test_two_heads_look_at_different_places_by_hand() -> None:
    attention = MultiHeadAttention(2, 2)
    for linear in (attention.W_q, attention.W_k, attention.W_v, attention.W_o):
        linear.weight.data = torch.eye(2)
    encoder_outputs = torch.tensor([[[0.0, math.log(4)], [math.log(3), 0.0]]])
    contexts, weights = attend(
        attention, torch.ones(1, 1, 2), encoder_outputs, torch.ones(1, 2).bool()
    )
    # A head has one number, so no scaling. First head: weights 1/4, 3/4; second: 4/5, 1/5.
    torch.testing.assert_close(weights, torch.tensor([[[0.525, 0.475]]]))
    expected = [0.75 * math.log(3), 0.8 * math.log(4)]
    torch.testing.assert_close(contexts, torch.tensor([[expected]]))


def test_the_scores_of_several_heads_are_their_mean() -> None:
    attention = MultiHeadAttention(2, 2)
    for linear in (attention.W_q, attention.W_k):
        linear.weight.data = torch.eye(2)
    keys = attention.keys(torch.tensor([[[2.0, 5.0]]]))
    # 3 * 2 and 4 * 5
    assert attention.scores(torch.tensor([[[3.0, 4.0]]]), keys).tolist() == [[[13.0]]]


def test_the_softmax_is_in_float32_also_for_bfloat16() -> None:
    scores = torch.tensor([[0.5, 1.0, 2.0]], dtype=torch.bfloat16)
    weights = masked_softmax(scores, torch.tensor([[True, True, False]]))
    expected = 1 / (1 + math.exp(0.5))
    torch.testing.assert_close(weights, torch.tensor([[expected, 1 - expected, 0.0]]))


@attentions
def test_bf16_autocast_is_close_to_float32(name: AttentionName) -> None:
    attention = build(name)
    queries, encoder_outputs, source_mask = example()
    exact, _ = attend(attention, queries, encoder_outputs, source_mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        contexts, weights = attend(attention, queries, encoder_outputs, source_mask)
    assert weights.dtype == torch.float32
    assert (contexts.float() - exact).norm() < 0.05 * exact.norm()


def test_without_attention_there_is_none() -> None:
    assert build_attention("none", HIDDEN_SIZE, num_heads=1) is None
