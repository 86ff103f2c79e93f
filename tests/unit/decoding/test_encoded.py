import pytest
from torch import Tensor

from pipeline.batch import collate_sources
from pipeline.decoding import (
    EncodedSource,
    LengthLimit,
    beam_search,
    greedy_search,
    score_targets,
    stream_tokens,
)
from pipeline.nn.decoder import DecoderState
from pipeline.nn.seq2seq import Seq2Seq
from tests.unit.decoding.test_search import SOURCES, network, seeds

LIMIT = LengthLimit(ratio=1.0, extra=3)


class Counted:
    """Counts how often the source is read."""

    def __init__(self, model: Seq2Seq) -> None:
        self.model, self.num_read = model, 0

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> DecoderState:
        self.num_read += 1
        return self.model.encode(source_ids, source_lengths)

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        return self.model.step(token_ids, state)


@seeds
def test_a_source_read_once_is_searched_and_scored_as_if_it_had_been_read_each_time(
    seed: int,
) -> None:
    model = network(seed, "lstm")
    ids, lengths = collate_sources(SOURCES[:1])
    counted = Counted(model)
    source = EncodedSource(counted, ids, lengths)
    (expected,) = greedy_search(model, ids, lengths, limit=LIMIT)
    assert list(stream_tokens(source, ids, lengths, limit=LIMIT)) == expected.ids
    found = greedy_search(source, *source.rows(3), limit=LIMIT)
    assert [hypothesis.ids for hypothesis in found] == [expected.ids] * 3
    (beams,) = beam_search(source, ids, lengths, beam_size=3, limit=LIMIT)
    (usual,) = beam_search(model, ids, lengths, beam_size=3, limit=LIMIT)
    assert beams == usual
    targets = [[4], [5, 6]]
    scores = score_targets(source, *source.rows(2), targets).tolist()
    again = score_targets(model, *collate_sources(SOURCES[:1] * 2), targets).tolist()
    assert scores == pytest.approx(again, abs=1e-5)
    assert counted.num_read == 1
