from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pipeline.decoding import Hypothesis, LengthLimit, decode_all, search_best
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import EOS_ID

CPU = torch.device("cpu")
SOURCES = [[4, 5, 6], [5], [6, 6, 4, 5, 4, 6, 5], [], [4, 4], [5, 6, 5, 4], [4, 5, 6]]


def echo(batches: list[list[int]]) -> Callable[[Tensor, Tensor], list[Hypothesis]]:
    """A search that gives the source back, and notes the lengths of each batch."""

    def search(source_ids: Tensor, source_lengths: Tensor) -> list[Hypothesis]:
        batches.append(source_lengths.tolist())
        return [
            Hypothesis([token for token in ids if token > EOS_ID], 0.0)
            for ids in source_ids.tolist()
        ]

    return search


@given(
    st.lists(st.lists(st.integers(4, 99), max_size=9), max_size=20),
    st.integers(min_value=1, max_value=8),
)
def test_every_sentence_once_in_order_in_batches_of_the_size(
    sources: list[list[int]], batch_size: int
) -> None:
    batches: list[list[int]] = []
    found = decode_all(sources, echo(batches), batch_size=batch_size, device=CPU)
    assert [hypothesis.ids for hypothesis in found] == sources
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert sum(map(len, batches)) == len(sources)


def test_sentences_of_a_length_are_together_the_longest_first() -> None:
    batches: list[list[int]] = []
    decode_all([[4] * length for length in (1, 7, 2, 6)], echo(batches), batch_size=2, device=CPU)
    assert batches == [[8, 7], [3, 2]]  # with EOS


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_all_together_are_one_by_one(beam_size: int, batch_size: int) -> None:
    torch.manual_seed(4)
    config = ModelConfig(cell="gru", embedding_dim=8, hidden_size=8, num_layers=1)
    model = Seq2Seq(config, source_vocab_size=9, target_vocab_size=9, joint_vocabulary=True).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)
    search = partial(search_best, model, beam_size=beam_size, limit=LengthLimit())
    together = decode_all(SOURCES, search, batch_size=batch_size, device=CPU)
    one_by_one = [decode_all([source], search, batch_size=1, device=CPU)[0] for source in SOURCES]
    assert [h.ids for h in together] == [h.ids for h in one_by_one]
    assert [h.log_prob for h in together] == pytest.approx(
        [h.log_prob for h in one_by_one], abs=1e-5
    )
    assert len({tuple(hypothesis.ids) for hypothesis in together}) > 2
