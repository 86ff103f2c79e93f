from pipeline.insight.summary import summarize
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq

_V, _E, _H = 11, 4, 6


def _model(*, attention: bool, coverage: bool = False, deep_output: bool = False) -> Seq2Seq:
    config = ModelConfig(
        cell="elman",
        attention="dot" if attention else "none",
        coverage=coverage,
        deep_output=deep_output,
        embedding_dim=_E,
        hidden_size=_H,
        bidirectional=False,
    )
    return Seq2Seq(config, source_vocab_size=_V, target_vocab_size=_V, joint_vocabulary=True)


def test_parameters_by_hand() -> None:
    summary = summarize(_model(attention=True))
    cell = _E * _H + _H * _H
    bridge, W_c = _H * _H + _H, 2 * _H * _E + _E
    assert summary.num_parameters == _V * _E + _V + 2 * cell + bridge + W_c
    assert sum(part.num_parameters for part in summary.parts) == summary.num_parameters
    assert summary.as_json()["num_parameters"] == summary.num_parameters


def test_the_cost_of_a_token_by_hand() -> None:
    summary = summarize(_model(attention=True))
    cell, W_c, W_hy = _E * _H + _H * _H, 2 * _H * _E, _E * _V
    attended = _H + _H  # a score, and a share of the context
    assert summary.flops_per_source_token == 2 * cell
    assert summary.bytes_per_source_token == 4 * cell
    values = summary.as_json()
    assert values["flops_per_target_token"] == 2 * (cell + W_c + W_hy + attended)
    assert values["flops_per_source_and_target_token"] == 2 * attended
    assert values["bytes_per_target_token"] == 4 * (cell + W_c + _E + W_hy + _V)


def test_a_step_reads_the_weights_of_the_second_look_and_of_the_hidden_layer() -> None:
    plain = summarize(_model(attention=True))
    for model in (
        _model(attention=True, coverage=True),
        _model(attention=True, deep_output=True),
    ):
        summary = summarize(model)
        num_more = summary.num_parameters - plain.num_parameters
        assert num_more > 0
        assert plain.step is not None
        assert summary.step is not None
        assert summary.step.weight_bytes - plain.step.weight_bytes == 4 * num_more


def test_without_attention_the_length_of_the_source_costs_a_step_nothing() -> None:
    step = summarize(_model(attention=False)).step
    assert step is not None
    assert step.flops_per_source_token == 0
