import pytest
import torch

from pipeline.batch import collate, collate_sources
from pipeline.evaluation.reading import ContextReader
from pipeline.nn.config import CellName, ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import BOS_ID, TURN_ID

CONTEXTS = [
    [5, 6],
    [5, 6, TURN_ID, 7, 8, 9],
    [5, 6, TURN_ID, 7, 8, 9, TURN_ID, 10],
    [11],
    [5, 6, TURN_ID, 12, TURN_ID, 10, 13],  # of which the middle one was not a context itself
]


def build(cell: CellName) -> Seq2Seq:
    torch.manual_seed(4)
    config = ModelConfig(cell=cell, embedding_dim=6, hidden_size=8, memory="recurrent")
    model = Seq2Seq(config, source_vocab_size=16, target_vocab_size=16, joint_vocabulary=True)
    return model.double().eval()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_it_gives_what_the_model_gives(cell: CellName, batch_size: int) -> None:
    model = build(cell)
    reader = ContextReader(model, CONTEXTS, batch_size=batch_size)
    ids, lengths = collate_sources(CONTEXTS)
    bos = torch.full((len(CONTEXTS),), BOS_ID)
    with torch.no_grad():
        expected, _ = model.step(bos, model.encode(ids, lengths))
        torch.testing.assert_close(reader.step(bos, reader.encode(ids, lengths))[0], expected)
        batch = collate(CONTEXTS, [[7]] * len(CONTEXTS))
        torch.testing.assert_close(reader.loss(batch).nats_sum, model.loss(batch).nats_sum)


def test_each_turn_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("gru")
    num_tokens = 0
    encode = Seq2Seq.encode

    def counting(self: Seq2Seq, source_ids, source_lengths, memory=None):  # type: ignore[no-untyped-def]
        nonlocal num_tokens
        num_tokens += int(source_lengths.sum())
        return encode(self, source_ids, source_lengths, memory)

    monkeypatch.setattr(Seq2Seq, "encode", counting)
    turns = [[5 + n % 9, 6] for n in range(30)]
    contexts = [
        [token for turn in turns[:n] for token in (*turn, TURN_ID)][:-1] for n in range(1, 31)
    ]
    reader = ContextReader(model, contexts, batch_size=8)
    assert num_tokens == 29 * 3  # EOS counted; the last turn stands in no context before another
    reader.encode(*collate_sources(contexts))
    assert num_tokens == 29 * 3 + 30 * 3
