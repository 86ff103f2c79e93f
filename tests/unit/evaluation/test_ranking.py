from dataclasses import dataclass
from typing import cast

import pytest
import torch
from torch import Tensor

from pipeline import metrics
from pipeline.evaluation.ranking import NUM_CANDIDATES, draw_candidates, rank_replies
from pipeline.nn.seq2seq import Seq2Seq

_VOCAB_SIZE = 300
_YES = 7


@dataclass(frozen=True)
class _State:
    logits: Tensor  # (B, V): the same at each step

    def select(self, rows: Tensor) -> "_State":
        return _State(self.logits[rows])

    reorder = select


class _Rigged:
    """A network that expects of a reply the tokens of its context, and is fond of one token.

    Args:
        attention: Logits of the tokens that the context holds, against 0 of the others.
        fondness: Logit of `_YES`, whatever the context.
    """

    def __init__(self, attention: float, fondness: float = 0.0) -> None:
        self.attention, self.fondness = attention, fondness
        self.num_encoded = 0

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> _State:
        self.num_encoded += len(source_ids)
        logits = torch.zeros(len(source_ids), _VOCAB_SIZE)
        logits = logits.scatter(1, source_ids, self.attention)
        logits[:, _YES] += self.fondness
        return _State(logits)

    def decoder(self, decoder_input_ids: Tensor, state: _State) -> Tensor:
        return state.logits.unsqueeze(1).expand(-1, decoder_input_ids.shape[1], -1)

    def logits(self, features: Tensor) -> Tensor:
        return features


# A context of a token of its own and of one that many have, answered by the first, or by _YES.
_CONTEXTS = [[10 + i, 200 + i % 3] for i in range(60)]
_ECHOES = [[10 + i] for i in range(60)]


def _hits(
    network: _Rigged, contexts: list[list[int]], replies: list[list[int]], batch_size: int = 16
) -> float:
    ranking = rank_replies(cast(Seq2Seq, network), contexts, replies, batch_size=batch_size)
    return metrics.hits_at_1(ranking.scores)


def test_who_knows_the_replies_hits_always() -> None:
    assert _hits(_Rigged(attention=5.0), _CONTEXTS, _ECHOES) == 1


def test_who_expects_the_contrary_never_hits() -> None:
    assert _hits(_Rigged(attention=-5.0), _CONTEXTS, _ECHOES) == 0


def test_who_does_not_listen_never_hits() -> None:
    assert _hits(_Rigged(attention=0.0, fondness=3.0), _CONTEXTS, _ECHOES) == 0


def test_what_is_said_to_anything_does_not_win() -> None:
    # By likelihood alone, _YES would come first for each context where it is a candidate.
    replies = [[_YES] if i == 3 else reply for i, reply in enumerate(_ECHOES)]
    ranking = rank_replies(
        cast(Seq2Seq, _Rigged(attention=2.0, fondness=6.0)), _CONTEXTS, replies, batch_size=8
    )
    assert (ranking.scores[:3, :1] > ranking.scores[:3, 1:]).all()
    assert metrics.hits_at_1(ranking.scores[4:]) == 1


def test_the_score_is_pointwise_mutual_information_by_hand() -> None:
    # Two contexts; of 300 logits 3 are 5 (its two tokens, and EOS): p = e^5 / Z for what a context
    # holds, 1 / Z for the rest, Z = 3 e^5 + 297. A reply is a token and EOS, whose p is e^5 / Z
    # always. log P(own) - log((P(own) + P(other)) / 2) = log(2 e^5 / (e^5 + 1)).
    ranking = rank_replies(
        cast(Seq2Seq, _Rigged(attention=5.0)), [[10, 11], [12, 13]], [[10], [12]], batch_size=2
    )
    e5 = torch.tensor(5.0).exp()
    assert ranking.scores[:, 0] == pytest.approx([float((2 * e5 / (e5 + 1)).log())] * 2, abs=1e-4)
    assert ranking.scores[:, 1] == pytest.approx([float((2 / (e5 + 1)).log())] * 2, abs=1e-4)


def test_no_score_depends_on_the_batch_size() -> None:
    network = _Rigged(attention=1.5, fondness=1.0)
    replies = [[*reply, *[_YES] * (i % 4)] for i, reply in enumerate(_ECHOES)]
    alone, together = (
        rank_replies(cast(Seq2Seq, network), _CONTEXTS, replies, batch_size=batch_size)
        for batch_size in (1, 64)
    )
    assert alone.scores == pytest.approx(together.scores, abs=1e-4)


def test_a_context_is_read_once() -> None:
    network = _Rigged(attention=1.0)
    rank_replies(cast(Seq2Seq, network), _CONTEXTS, _ECHOES, batch_size=16)
    assert network.num_encoded == 60 + 8  # and the contexts that all replies are compared on


def test_a_large_split_is_sampled_evenly() -> None:
    contexts = [[10 + i % 50] for i in range(2500)]
    ranking = rank_replies(cast(Seq2Seq, _Rigged(attention=1.0)), contexts, contexts, batch_size=64)
    assert len(ranking.rows) == 1000
    assert ranking.rows[:5] == [0, 2, 5, 7, 10]
    assert ranking.scores.shape == (1000, NUM_CANDIDATES)


def test_candidates_are_the_real_one_and_others_that_differ() -> None:
    real = [[i % 40, 7] for i in range(200)]
    replies, candidates = draw_candidates(real)
    assert replies == [(i, 7) for i in range(40)]
    assert [row[0] for row in candidates] == [i % 40 for i in range(200)]
    assert all(len(set(row)) == NUM_CANDIDATES for row in candidates)
    assert {i for row in candidates for i in row} == set(range(40))
    assert draw_candidates(real) == (replies, candidates)
    assert candidates[0][1:] != candidates[40][1:]  # drawn anew for each context


def test_where_there_are_few_replies_all_are_candidates() -> None:
    replies, candidates = draw_candidates([[5], [], [5], [9, 9]])
    assert replies == [(5,), (), (9, 9)]
    assert [(row[0], sorted(row)) for row in candidates] == [
        (own, [0, 1, 2]) for own in (0, 1, 0, 2)
    ]
    assert draw_candidates([[], []]) == ([()], [[0], [0]])
