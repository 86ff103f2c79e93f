from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.nn.config import AttentionName, CellName, ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import PAD_ID

VOCAB_SIZE, GHOST_ID = 30, 29
SOURCES = [[4, 5, 6], [7, 8, 9, 10, 11, 12], [], [13, 4]]
TARGETS = [[14, 15], [], [16, 17, 18, 19, 20], [4]]
cells = pytest.mark.parametrize("cell", get_args(CellName))
attentions = pytest.mark.parametrize("attention", get_args(AttentionName))


def build(
    cell: CellName = "lstm",
    attention: AttentionName = "dot",
    *,
    tie_embeddings: bool = True,
    hidden_size: int = 8,
    **values: Any,
) -> Seq2Seq:
    torch.manual_seed(12)
    config = ModelConfig(
        cell=cell,
        attention=attention,
        num_heads=2,
        embedding_dim=5,
        hidden_size=hidden_size,
        num_layers=2,
        tie_embeddings=tie_embeddings,
        **{"dropout": 0.3, **values},
    )
    model = Seq2Seq(
        config,
        source_vocab_size=VOCAB_SIZE,
        target_vocab_size=VOCAB_SIZE,
        joint_vocabulary=tie_embeddings,
    )
    return model.eval()


def logits(model: Seq2Seq, batch: Seq2SeqBatch) -> Tensor:
    features: Tensor = model(batch)
    return model.logits(features)


def gradients(model: Seq2Seq, batch: Seq2SeqBatch) -> dict[str, Tensor]:
    model.zero_grad()
    model.loss(batch, label_smoothing=0.1).objective_sum.backward()
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            found[name] = parameter.grad.clone()
    return found


def haunted(batch: Seq2SeqBatch) -> Seq2SeqBatch:
    """The batch with an id in its padding that is nowhere else."""
    is_padding = torch.arange(batch.source_ids.shape[1]) >= batch.source_lengths.unsqueeze(1)
    return Seq2SeqBatch(
        source_ids=batch.source_ids.masked_fill(is_padding, GHOST_ID),
        source_lengths=batch.source_lengths,
        decoder_input_ids=batch.decoder_input_ids.masked_fill(batch.labels == PAD_ID, GHOST_ID),
        labels=batch.labels,
    )


def storages(model: Seq2Seq) -> tuple[int, int, int]:
    """Of the source embedding, the target embedding and the softmax matrix."""
    source = model.encoder.embedding.get_parameter("weight")
    target = model.decoder.embedding.get_parameter("weight")
    return source.data_ptr(), target.data_ptr(), model.output_weight.data_ptr()


@cells
@attentions
def test_a_pair_alone_and_in_a_batch_gives_the_same_numbers(
    cell: CellName, attention: AttentionName
) -> None:
    model = build(cell, attention)
    in_batch = logits(model, collate(SOURCES, TARGETS))
    for row, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        alone = logits(model, collate([source], [target]))
        torch.testing.assert_close(in_batch[row, : len(target) + 1], alone[0], rtol=0, atol=1e-5)


@cells
@attentions
def test_the_loss_and_gradient_of_a_batch_are_the_sums_over_its_pairs(
    cell: CellName, attention: AttentionName
) -> None:
    model = build(cell, attention)
    whole = collate(SOURCES, TARGETS)
    pairs = [collate([s], [t]) for s, t in zip(SOURCES, TARGETS, strict=True)]
    nats = [float(model.loss(pair).nats_sum) for pair in pairs]
    assert float(model.loss(whole).nats_sum) == pytest.approx(sum(nats), rel=1e-5)
    expected = gradients(model, whole)
    summed = {name: torch.zeros_like(gradient) for name, gradient in expected.items()}
    for pair in pairs:
        for name, gradient in gradients(model, pair).items():
            summed[name] += gradient
    torch.testing.assert_close(summed, expected, rtol=1e-4, atol=1e-5)


@cells
@attentions
def test_the_order_of_a_batch_does_not_matter(cell: CellName, attention: AttentionName) -> None:
    model = build(cell, attention)
    order = [2, 0, 3, 1]
    expected = logits(model, collate(SOURCES, TARGETS))[order]
    moved = logits(model, collate([SOURCES[i] for i in order], [TARGETS[i] for i in order]))
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-6)


@cells
@attentions
def test_neither_value_nor_gradient_comes_from_padding(
    cell: CellName, attention: AttentionName
) -> None:
    model = build(cell, attention, tie_embeddings=False)
    batch = collate(SOURCES, TARGETS)
    ghosts = haunted(batch)
    assert (ghosts.source_ids == GHOST_ID).any()
    assert (ghosts.decoder_input_ids == GHOST_ID).any()
    torch.testing.assert_close(
        model.loss(ghosts).nats_sum, model.loss(batch).nats_sum, rtol=1e-6, atol=0
    )
    found, expected = gradients(model, ghosts), gradients(model, batch)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for name in ("encoder.embedding.weight", "decoder.embedding.weight"):
        assert (found[name][[PAD_ID, GHOST_ID]] == 0).all()
        assert (found[name][4] != 0).any()


@cells
@attentions
@pytest.mark.parametrize("training", [True, False])
def test_logits_of_steps_unrolled_are_those_of_the_whole_run(
    cell: CellName, attention: AttentionName, training: bool
) -> None:
    model = build(cell, attention)
    batch = collate(SOURCES, TARGETS)
    with torch.set_grad_enabled(training):
        whole = logits(model, batch)
        state = model.encode(batch.source_ids, batch.source_lengths)
        for position, token_ids in enumerate(batch.decoder_input_ids.unbind(dim=1)):
            step_logits, state = model.step(token_ids, state)
            torch.testing.assert_close(step_logits, whole[:, position], rtol=0, atol=1e-5)


def test_the_loss_is_torchs_cross_entropy_of_the_logits() -> None:
    model = build()
    batch = collate(SOURCES, TARGETS)
    expected = nn.functional.cross_entropy(
        logits(model, batch).flatten(0, 1),
        batch.labels.flatten(),
        ignore_index=PAD_ID,
        label_smoothing=0.1,
        reduction="sum",
    )
    loss = model.loss(batch, label_smoothing=0.1)
    torch.testing.assert_close(loss.objective_sum, expected, rtol=1e-5, atol=0)
    assert loss.num_predictions == sum(len(target) + 1 for target in TARGETS)


@cells
@attentions
def test_every_weight_gets_a_gradient(cell: CellName, attention: AttentionName) -> None:
    model = build(cell, attention, tie_embeddings=False)
    found = gradients(model, collate(SOURCES, TARGETS))
    assert found.keys() == dict(model.named_parameters()).keys()
    assert [name for name, gradient in found.items() if not gradient.any()] == []


@pytest.mark.parametrize(
    ("tie_embeddings", "joint_vocabulary", "num_matrices"),
    [(True, True, 1), (True, False, 2), (False, True, 3), (False, False, 3)],
)
def test_tied_matrices_share_their_storage(
    tie_embeddings: bool, joint_vocabulary: bool, num_matrices: int
) -> None:
    model = Seq2Seq(
        ModelConfig(embedding_dim=4, hidden_size=4, tie_embeddings=tie_embeddings),
        source_vocab_size=9,
        target_vocab_size=9,
        joint_vocabulary=joint_vocabulary,
    )
    source, target, output = storages(model)
    assert len({source, target, output}) == num_matrices
    assert (target == output) == tie_embeddings
    assert (source == target) == (tie_embeddings and joint_vocabulary)


def test_the_sizes_of_separate_vocabularies_are_their_own() -> None:
    model = Seq2Seq(
        ModelConfig(embedding_dim=4, hidden_size=4),
        source_vocab_size=11,
        target_vocab_size=7,
        joint_vocabulary=False,
    )
    assert logits(model, collate([[10]], [[6]])).shape[-1] == 7


def num_parameters(model: Seq2Seq) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_number_of_parameters_of_a_tied_lstm_by_hand() -> None:
    config = ModelConfig(cell="lstm", attention="dot", embedding_dim=3, hidden_size=4, num_layers=2)
    model = Seq2Seq(config, source_vocab_size=7, target_vocab_size=7, joint_vocabulary=True)
    matrix, output_bias = 7 * 3, 7
    # Four gates, each with inputs, states and two biases; each direction has half of the size.
    encoder = 2 * 4 * (3 * 2 + 2 * 2 + 2 * 2) + 2 * 4 * (4 * 2 + 2 * 2 + 2 * 2)
    decoder = 4 * (3 * 4 + 4 * 4 + 2 * 4) + 4 * (4 * 4 + 4 * 4 + 2 * 4)
    bridges = 2 * (4 * 8 + 8)  # from h of the encoder to h and c
    W_c = 8 * 3 + 3
    assert num_parameters(model) == matrix + output_bias + encoder + decoder + bridges + W_c
    assert num_parameters(model) == 679


def test_the_number_of_parameters_of_an_untied_elman_by_hand() -> None:
    config = ModelConfig(
        cell="elman",
        attention="none",
        embedding_dim=3,
        hidden_size=4,
        num_layers=1,
        bidirectional=False,
        tie_embeddings=False,
    )
    model = Seq2Seq(config, source_vocab_size=5, target_vocab_size=7, joint_vocabulary=False)
    matrices, output_bias = 5 * 3 + 7 * 3 + 7 * 3, 7
    cells_of_both = 2 * (3 * 4 + 4 * 4)
    bridge, W_c = 4 * 4 + 4, 4 * 3 + 3
    assert num_parameters(model) == matrices + output_bias + cells_of_both + bridge + W_c
    assert num_parameters(model) == 155


def test_one_hot_pieces_have_no_embedding_and_are_not_tied() -> None:
    config = ModelConfig(cell="elman", embedding="one_hot", embedding_dim=3, hidden_size=4)
    model = Seq2Seq(config, source_vocab_size=7, target_vocab_size=7, joint_vocabulary=True)
    parameters = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert not [name for name in parameters if "embedding" in name]
    assert parameters["encoder.layers.0.forward_cell.W_xh"] == (7, 2)
    assert parameters["decoder.layers.0.W_xh"] == (7, 4)
    assert parameters["output_weight"] == (7, 3)


def test_dropout_is_a_function_of_torchs_seed_and_absent_in_evaluation() -> None:
    model = build()
    batch = collate(SOURCES, TARGETS)
    in_evaluation = [float(model.loss(batch).nats_sum) for _ in range(2)]
    assert in_evaluation[0] == in_evaluation[1]
    model.train()
    in_training = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        in_training.append(float(model.loss(batch).nats_sum))
    assert in_training[0] == in_training[1]
    assert len({*in_training, in_evaluation[0]}) == 3


@cells
def test_a_training_step_under_bf16_autocast_is_close_to_float32(cell: CellName) -> None:
    # Layer normalisation over four units would divide by the difference of almost equal numbers.
    model = build(cell, hidden_size=32)
    batch = collate(SOURCES, TARGETS)
    expected_loss, expected = model.loss(batch), gradients(model, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.loss(batch)
    assert float(loss.nats_sum) == pytest.approx(float(expected_loss.nats_sum), rel=0.01)
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        objective = model.loss(batch, label_smoothing=0.1).objective_sum
    objective.backward()
    exact = torch.cat([gradient.flatten() for gradient in expected.values()])
    found = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert float((found - exact).norm()) < 0.05 * float(exact.norm())


@pytest.mark.parametrize(
    "values",
    [
        {"attention_after": "each"},
        {"input_feeding": True},
        {"attention_after": "each", "input_feeding": True},
        {"lexical": True},
        {"coverage": True},
        {"deep_output": True},
        {"word_dropout": 0.2, "variational_dropout": True, "weight_dropout": 0.2},
        {"embedding_dropout": 0.2},
    ],
)
def test_every_variant_of_the_recipe_learns_with_every_weight(values: dict[str, Any]) -> None:
    model = build("gru", "general", **values).train()
    assert all(
        bool(gradient.any()) for gradient in gradients(model, collate(SOURCES, TARGETS)).values()
    )


def test_r_drop_without_dropout_is_the_plain_loss() -> None:
    model = build()
    batch = collate(SOURCES, TARGETS)
    plain = model.loss(batch, label_smoothing=0.1)
    twice = model.loss(batch, label_smoothing=0.1, r_drop=5.0)
    torch.testing.assert_close(twice.objective_sum, plain.objective_sum)
    torch.testing.assert_close(twice.nats_sum, plain.nats_sum)
    assert twice.num_predictions == plain.num_predictions


def test_r_drop_adds_what_two_passes_with_dropout_disagree_about() -> None:
    model = build().train()
    batch = collate(SOURCES, TARGETS)
    objectives = []
    for r_drop in (1e-9, 1.0, 3.0):
        torch.manual_seed(5)
        objectives.append(float(model.loss(batch, r_drop=r_drop).objective_sum.detach()))
    without, once, thrice = objectives
    assert once > without + 1e-3
    assert thrice - without == pytest.approx(3 * (once - without), rel=1e-3)


@pytest.mark.parametrize(
    "values",
    [
        {"word_dropout": 0.5},
        {"embedding_dropout": 0.5},
        {"weight_dropout": 0.5},
        {"dropout": 0.5},
    ],
)
def test_each_dropout_is_in_the_encoder_and_in_the_decoder(values: dict[str, Any]) -> None:
    model = build("gru", "general", **{"dropout": 0.0, **values})
    batch = collate(SOURCES, TARGETS)
    state = model.encode(batch.source_ids, batch.source_lengths)
    features = model.decoder(batch.decoder_input_ids, state)
    model.train()
    torch.manual_seed(3)
    trained = model.encode(batch.source_ids, batch.source_lengths)
    assert not torch.allclose(trained.values[0], state.values[0])
    assert not torch.allclose(model.decoder(batch.decoder_input_ids, state), features)


@pytest.mark.parametrize("is_variational", [True, False])
def test_units_are_dropped_for_a_whole_sentence_in_the_encoder_and_in_the_decoder(
    is_variational: bool,
) -> None:
    model = build("gru", "general", variational_dropout=is_variational).train()
    dropped: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda module, inputs, outputs: dropped.__setitem__(name, outputs == 0)

    model.encoder.dropout.register_forward_hook(keep("encoder"))
    model.decoder.dropout.register_forward_hook(keep("decoder"))
    model(collate([[4, 5, 6, 7, 8, 9]] * 4, [[4, 5, 6, 7, 8, 9]] * 4))
    for zeroed in dropped.values():
        assert zeroed.dim() == 3
        assert torch.equal(zeroed, zeroed[:, :1].expand_as(zeroed)) == is_variational
