from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from pipeline.batch import collate_sources, length_mask
from pipeline.nn.cells import Cell
from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.embedding import Embedding
from pipeline.nn.encoder import Encoder, EncoderOutput, reversal_index

VOCAB_SIZE, EMBEDDING_DIM, HIDDEN_SIZE = 20, 5, 6
SENTENCES = [[4, 5, 6], [7, 8, 9, 10, 11, 12], [], [13, 4]]
cells = pytest.mark.parametrize("cell", get_args(CellName))
directions = pytest.mark.parametrize("bidirectional", [True, False])


def build(cell: CellName, *, bidirectional: bool, num_layers: int = 2) -> Encoder:
    torch.manual_seed(8)
    config = ModelConfig(
        cell=cell,
        embedding_dim=EMBEDDING_DIM,
        hidden_size=HIDDEN_SIZE,
        num_layers=num_layers,
        bidirectional=bidirectional,
        dropout=0.3,
    )
    return Encoder(config, Embedding(VOCAB_SIZE, EMBEDDING_DIM)).eval()


def encode(encoder: Encoder, sentences: list[list[int]]) -> EncoderOutput:
    encoded = encoder(*collate_sources(sentences))
    assert isinstance(encoded, EncoderOutput)
    return encoded


def naive(encoder: Encoder, sentence: list[int]) -> tuple[Tensor, list[Tensor]]:
    """One sentence, each direction step by step: what the encoder should come to."""
    source_ids, _ = collate_sources([sentence])
    outputs = encoder.embedding(source_ids[0])
    final_states = []
    for i, layer in enumerate(encoder.layers):
        directions = []
        last = []
        for cell, flipped in ((layer.forward_cell, False), (layer.backward_cell, True)):
            if cell is None:
                continue
            assert isinstance(cell, Cell)
            inputs = outputs.flip(0) if flipped else outputs
            state = cell.initial_state(inputs[:1])
            steps = []
            for x_t in inputs:
                h, state = cell.step(x_t.unsqueeze(0), state)
                steps.append(h.squeeze(0))
            last.append(steps[-1])
            directions.append(torch.stack(steps[::-1] if flipped else steps))
        layer_outputs = torch.cat(directions, dim=-1)
        outputs = outputs + layer_outputs if encoder.residual and i > 0 else layer_outputs
        final_states.append(torch.cat(last))
    return outputs, final_states


@cells
@directions
@pytest.mark.parametrize("row", range(len(SENTENCES)))
def test_a_sentence_in_a_batch_is_that_sentence_step_by_step(
    cell: CellName, bidirectional: bool, row: int
) -> None:
    encoder = build(cell, bidirectional=bidirectional)
    encoded = encode(encoder, SENTENCES)
    outputs, final_states = naive(encoder, SENTENCES[row])
    torch.testing.assert_close(encoded.outputs[row, : len(outputs)], outputs, rtol=0, atol=1e-6)
    for in_batch, alone in zip(encoded.final_states, final_states, strict=True):
        torch.testing.assert_close(in_batch[row], alone, rtol=0, atol=1e-6)


@cells
@directions
@pytest.mark.parametrize("training", [True, False])
def test_a_sentence_alone_and_in_a_batch_gives_the_same_numbers(
    cell: CellName, bidirectional: bool, training: bool
) -> None:
    encoder = build(cell, bidirectional=bidirectional)
    with torch.set_grad_enabled(training):
        encoded = encode(encoder, SENTENCES)
        for row, sentence in enumerate(SENTENCES):
            alone = encode(encoder, [sentence])
            length = len(sentence) + 1
            torch.testing.assert_close(
                encoded.outputs[row, :length], alone.outputs[0], rtol=0, atol=1e-6
            )
            for in_batch, final_state in zip(encoded.final_states, alone.final_states, strict=True):
                torch.testing.assert_close(in_batch[row], final_state[0], rtol=0, atol=1e-6)


@cells
def test_the_ids_in_the_padding_do_not_matter(cell: CellName) -> None:
    encoder = build(cell, bidirectional=True)
    source_ids, source_lengths = collate_sources(SENTENCES)
    source_mask = length_mask(source_lengths, source_ids.shape[1])
    expected = encoder(source_ids, source_lengths)
    changed = encoder(source_ids.masked_fill(~source_mask, 17), source_lengths)
    torch.testing.assert_close(changed.final_states, expected.final_states, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        changed.outputs[source_mask], expected.outputs[source_mask], rtol=0, atol=1e-6
    )


def test_a_bidirectional_output_sees_both_ends_and_a_forward_one_only_what_came_before() -> None:
    sentence, other_end, other_start = [4, 5, 6, 7], [4, 5, 6, 8], [9, 5, 6, 7]
    both = build("gru", bidirectional=True, num_layers=1)
    forward = build("gru", bidirectional=False, num_layers=1)
    first = [encode(both, [s]).outputs[0, 1] for s in (sentence, other_end, other_start)]
    assert not torch.allclose(first[0], first[1])
    assert not torch.allclose(first[0], first[2])
    second = [encode(forward, [s]).outputs[0, 1] for s in (sentence, other_end, other_start)]
    assert torch.equal(second[0], second[1])
    assert not torch.allclose(second[0], second[2])


def test_a_reversal_by_hand() -> None:
    lengths = torch.tensor([3, 5, 1])
    assert reversal_index(length_mask(lengths, 5), lengths).tolist() == [
        [2, 1, 0, 3, 4],
        [4, 3, 2, 1, 0],
        [0, 1, 2, 3, 4],
    ]


def test_a_reversal_undoes_itself() -> None:
    lengths = torch.tensor([1, 2, 3, 4, 5])
    index = reversal_index(length_mask(lengths, 5), lengths)
    assert torch.equal(index.gather(1, index), torch.arange(5).expand(5, 5))


@pytest.mark.parametrize("residual", [True, False])
def test_a_residual_layer_adds_its_input(residual: bool) -> None:
    torch.manual_seed(8)
    config = ModelConfig(
        cell="gru",
        embedding_dim=EMBEDDING_DIM,
        hidden_size=HIDDEN_SIZE,
        num_layers=2,
        dropout=0.0,
        residual=residual,
    )
    encoder = Encoder(config, Embedding(VOCAB_SIZE, EMBEDDING_DIM)).eval()
    for parameter in encoder.layers[1].parameters():
        nn.init.zeros_(parameter)  # a GRU of zeros gives zeros, so the second layer adds nothing
    two_layers = encode(encoder, SENTENCES).outputs
    encoder.layers = encoder.layers[:1]
    one_layer = encode(encoder, SENTENCES).outputs
    assert torch.equal(two_layers, one_layer if residual else torch.zeros_like(one_layer))
