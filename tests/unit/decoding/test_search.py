"""What holds for greedy and beam search alike: limits, scores, batches, exhaustive search."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, collate, collate_sources
from pipeline.decoding import Hypothesis, LengthLimit, beam_search, greedy_search, search_best
from pipeline.decoding.protocol import NEVER_GENERATED
from pipeline.nn.config import AttentionName, CellName, ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import BOS_ID, EOS_ID, PAD_ID

A, B, C = 4, 5, 6
VOCAB_SIZE = 7
SOURCES = [[4, 5, 6], [5], [6, 6, 4, 5, 4, 6, 5], [], [4, 4], [5, 6, 5, 4]]
beam_sizes = pytest.mark.parametrize("beam_size", [1, 2, 4])
seeds = pytest.mark.parametrize("seed", range(4))


@dataclass(frozen=True)
class Rows:
    """The state of a scripted model: which table serves each row."""

    tables: Tensor

    def select(self, rows: Tensor) -> "Rows":
        return Rows(self.tables[rows])

    reorder = select


class Script:
    """A model whose next token depends on the last one: probabilities (table, last, next).

    A sentence is decoded with the table that its first source id names.
    """

    def __init__(self, *tables: dict[int, dict[int, float]]) -> None:
        probabilities = torch.full((len(tables), VOCAB_SIZE, VOCAB_SIZE), 1 / VOCAB_SIZE)
        for number, table in enumerate(tables):
            for last, following in table.items():
                probabilities[number, last] = 0.0
                for token, probability in following.items():
                    probabilities[number, last, token] = probability
        self._logits = probabilities.log()

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> Rows:
        return Rows(source_ids[:, 0] - A)

    def step(self, token_ids: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        return self._logits[state.tables, token_ids], state


# Greedy takes A (0.6), after which nothing is likely; the best hypothesis begins with B.
GARDEN_PATH = {
    BOS_ID: {A: 0.6, B: 0.4},
    A: {A: 0.3, B: 0.3, C: 0.1, EOS_ID: 0.3},
    B: {EOS_ID: 0.9, C: 0.1},
    C: {EOS_ID: 1.0},
}


def network(
    seed: int, cell: CellName = "gru", attention: AttentionName = "dot", *, eos_bias: float = 0.5
) -> Seq2Seq:
    """Untrained, with weights so large that what it says depends on what it reads."""
    torch.manual_seed(seed)
    config = ModelConfig(
        cell=cell, attention=attention, num_heads=2, embedding_dim=8, hidden_size=8, num_layers=1
    )
    model = Seq2Seq(
        config,
        source_vocab_size=VOCAB_SIZE,
        target_vocab_size=VOCAB_SIZE,
        joint_vocabulary=True,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
        model.output_bias[EOS_ID] = eos_bias
        model.output_bias[NEVER_GENERATED] = 2.0  # so that they would be, if nothing held them
    return model.eval()


def token_log_probs(model: Seq2Seq, source: Sequence[int], ids: Sequence[int]) -> Tensor:
    """(T, V): the model's own distributions after each prefix, in one run over the whole."""
    batch: Seq2SeqBatch = collate([source], [ids])
    with torch.inference_mode():
        logits = model.logits(model(batch))[0]
        logits[:, NEVER_GENERATED] = -math.inf
        return logits.log_softmax(dim=-1)


def log_prob(model: Seq2Seq, source: Sequence[int], ids: Sequence[int], *, ended: bool) -> float:
    log_probs = token_log_probs(model, source, ids)
    labels = [*ids, EOS_ID] if ended else list(ids)
    return sum(float(log_probs[position, label]) for position, label in enumerate(labels))


def naive_greedy(model: Seq2Seq, source: Sequence[int], max_length: int) -> list[int]:
    """Encodes the source and runs over the whole prefix again for every token."""
    ids: list[int] = []
    while len(ids) < max_length:
        token = int(token_log_probs(model, source, ids)[-1].argmax())
        if token == EOS_ID:
            break
        ids.append(token)
    return ids


def beams(model: Seq2Seq, beam_size: int, limit: LengthLimit) -> list[list[Hypothesis]]:
    return beam_search(model, *collate_sources(SOURCES), beam_size=beam_size, limit=limit)


def max_lengths(limit: LengthLimit) -> list[int]:
    return [int(limit.ratio * (len(source) + 1)) + limit.extra for source in SOURCES]


@seeds
@pytest.mark.parametrize(
    ("cell", "attention"),
    [("gru", "dot"), ("lstm", "none"), ("elman", "additive"), ("lstm", "multi_head")],
)
def test_greedy_is_a_beam_of_one_is_a_naive_argmax(
    seed: int, cell: CellName, attention: AttentionName
) -> None:
    model = network(seed, cell, attention)
    limit = LengthLimit(ratio=1.0, extra=3)
    source_ids, source_lengths = collate_sources(SOURCES)
    greedy = greedy_search(model, source_ids, source_lengths, limit=limit)
    beam_of_one = [nbest[0] for nbest in beams(model, 1, limit)]
    naive = [
        naive_greedy(model, source, length)
        for source, length in zip(SOURCES, max_lengths(limit), strict=True)
    ]
    assert [hypothesis.ids for hypothesis in greedy] == naive
    assert [hypothesis.ids for hypothesis in beam_of_one] == naive
    assert [h.log_prob for h in greedy] == pytest.approx(
        [h.log_prob for h in beam_of_one], abs=1e-5
    )


def test_the_random_networks_say_different_things_of_different_lengths() -> None:
    # Or the tests here would hold for no reason.
    said = {
        tuple(hypothesis.ids)
        for seed in range(4)
        for hypothesis in greedy_search(
            network(seed), *collate_sources(SOURCES), limit=LengthLimit(ratio=1.0, extra=3)
        )
    }
    assert len(said) > 8
    assert len({len(ids) for ids in said}) > 3


@seeds
@beam_sizes
def test_the_log_prob_is_the_models_own_score(seed: int, beam_size: int) -> None:
    model = network(seed)
    limit = LengthLimit(ratio=1.0, extra=3)
    for source, length, nbest in zip(
        SOURCES, max_lengths(limit), beams(model, beam_size, limit), strict=True
    ):
        for hypothesis in nbest:
            ended = len(hypothesis.ids) < length  # otherwise there was no room for EOS
            expected = log_prob(model, source, hypothesis.ids, ended=ended)
            assert hypothesis.log_prob == pytest.approx(expected, abs=1e-4)


@seeds
def test_the_log_prob_of_greedy_is_the_models_own_score(seed: int) -> None:
    model = network(seed, "lstm")
    limit = LengthLimit(ratio=0.0, extra=4)
    found = greedy_search(model, *collate_sources(SOURCES), limit=limit)
    for source, hypothesis in zip(SOURCES, found, strict=True):
        expected = log_prob(model, source, hypothesis.ids, ended=len(hypothesis.ids) < 4)
        assert hypothesis.log_prob == pytest.approx(expected, abs=1e-4)


@seeds
@beam_sizes
def test_no_hypothesis_is_longer_than_its_own_limit(seed: int, beam_size: int) -> None:
    limit = LengthLimit(ratio=0.5, extra=2)
    found = beams(network(seed, eos_bias=-20.0), beam_size, limit)
    lengths = [len(nbest[0].ids) for nbest in found]
    assert lengths == max_lengths(limit)  # EOS hardly ever comes, so each one reaches it
    assert len(set(lengths)) > 2


@seeds
@beam_sizes
def test_never_padding_unknown_or_bos(seed: int, beam_size: int) -> None:
    found = beams(network(seed), beam_size, LengthLimit())
    ids = {token for nbest in found for hypothesis in nbest for token in hypothesis.ids}
    assert ids
    assert ids.isdisjoint([*NEVER_GENERATED, EOS_ID])


@seeds
@beam_sizes
def test_a_sentence_alone_and_in_a_batch_gives_the_same_hypotheses(
    seed: int, beam_size: int
) -> None:
    model = network(seed, "lstm")
    limit = LengthLimit(ratio=1.0, extra=3)
    for source, in_batch in zip(SOURCES, beams(model, beam_size, limit), strict=True):
        (alone,) = beam_search(model, *collate_sources([source]), beam_size=beam_size, limit=limit)
        assert [hypothesis.ids for hypothesis in in_batch] == [h.ids for h in alone]
        assert [h.log_prob for h in in_batch] == pytest.approx(
            [h.log_prob for h in alone], abs=1e-5
        )


@beam_sizes
def test_rows_that_end_early_leave_the_others_as_they_were(beam_size: int) -> None:
    ends_at_once = {BOS_ID: {EOS_ID: 1.0}}
    goes_on = {BOS_ID: {A: 1.0}, A: {B: 1.0}, B: {C: 1.0}, C: {EOS_ID: 1.0}}
    ends_in_between = {BOS_ID: {C: 1.0}, C: {EOS_ID: 1.0}}
    model = Script(ends_at_once, goes_on, ends_in_between)
    source_ids, source_lengths = collate_sources([[A], [B], [A], [C], [B]])
    found = search_best(model, source_ids, source_lengths, beam_size=beam_size, limit=LengthLimit())
    assert [hypothesis.ids for hypothesis in found] == [[], [A, B, C], [], [C], [A, B, C]]


def test_a_beam_finds_what_greedy_misses() -> None:
    model, (source_ids, source_lengths) = Script(GARDEN_PATH), collate_sources([[A]])
    limit = LengthLimit(ratio=0.0, extra=3)
    (greedy,) = greedy_search(model, source_ids, source_lengths, limit=limit)
    (best,) = search_best(model, source_ids, source_lengths, beam_size=2, limit=limit)
    assert greedy.ids[0] == A
    assert best.ids == [B]
    assert best.log_prob == pytest.approx(math.log(0.4 * 0.9), abs=1e-5)
    assert best.log_prob > greedy.log_prob


def test_the_hypotheses_of_a_beam_by_hand() -> None:
    (nbest,) = beam_search(
        Script(GARDEN_PATH),
        *collate_sources([[A]]),
        beam_size=2,
        limit=LengthLimit(ratio=0.0, extra=2),
        length_penalty=0.0,
    )
    # Two tokens, EOS counted: B EOS 0.36; A EOS, A A, A B 0.18 each; A C 0.06; B C 0.04.
    assert nbest[0].ids == [B]
    assert [h.log_prob for h in nbest] == pytest.approx([math.log(0.36), math.log(0.18)])


def test_a_finished_hypothesis_takes_its_place_with_it_and_the_others_go_on() -> None:
    model = Script(
        {
            BOS_ID: {A: 0.5, B: 0.5},
            A: {EOS_ID: 0.6, C: 0.4},
            B: {EOS_ID: 0.38, A: 0.32, B: 0.3},
            C: {EOS_ID: 0.3, A: 0.7},
        }
    )
    (nbest,) = beam_search(
        model, *collate_sources([[A]]), beam_size=2, limit=LengthLimit(), length_penalty=2.0
    )
    # Step 2: A EOS 0.3 ends and takes its place with it; A C 0.2 goes on in the other.
    # Step 4: A C A EOS 0.084. log 0.084 / 4 ** 2 = -0.15, log 0.3 / 2 ** 2 = -0.30.
    assert [hypothesis.ids for hypothesis in nbest] == [[A, C, A], [A]]


@pytest.mark.parametrize(("length_penalty", "best"), [(0.0, []), (1.0, [A, B, C])])
def test_the_length_penalty_chooses_between_short_and_long(
    length_penalty: float, best: list[int]
) -> None:
    # EOS at once has 0.4; A B C EOS has 0.35, which a token is 0.77.
    model = Script(
        {
            BOS_ID: {EOS_ID: 0.4, A: 0.35, B: 0.25},
            A: {B: 1.0},
            B: {C: 1.0},
            C: {EOS_ID: 1.0},
        }
    )
    (nbest,) = beam_search(
        model,
        *collate_sources([[A]]),
        beam_size=3,
        limit=LengthLimit(),
        length_penalty=length_penalty,
    )
    assert nbest[0].ids == best


@seeds
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("max_length", [1, 2, 3])
def test_a_wide_beam_is_an_exhaustive_search(
    seed: int, length_penalty: float, max_length: int
) -> None:
    model = network(seed, eos_bias=1.0)
    scored: list[tuple[float, list[int]]] = []
    for length in range(max_length + 1):
        for ids in itertools.product([A, B, C], repeat=length):
            ended = length < max_length
            score = log_prob(model, SOURCES[0], ids, ended=ended)
            scored.append((score / (length + ended) ** length_penalty, list(ids)))
    scored.sort(reverse=True)
    (nbest,) = beam_search(
        model,
        *collate_sources(SOURCES[:1]),
        beam_size=len(scored),
        limit=LengthLimit(ratio=0.0, extra=max_length),
        length_penalty=length_penalty,
    )
    assert [hypothesis.ids for hypothesis in nbest] == [ids for _, ids in scored]


@seeds
@beam_sizes
def test_hypotheses_differ_and_the_best_comes_first(seed: int, beam_size: int) -> None:
    for nbest in beams(network(seed), beam_size, LengthLimit()):
        assert len(nbest) == beam_size
        assert len({tuple(hypothesis.ids) for hypothesis in nbest}) == beam_size


@seeds
def test_a_search_leaves_no_gradient(seed: int) -> None:
    model = network(seed)
    greedy_search(model, *collate_sources(SOURCES), limit=LengthLimit())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_limits_by_hand() -> None:
    lengths = torch.tensor([1, 3, 10])
    assert LengthLimit().of(lengths).tolist() == [12, 16, 30]
    assert LengthLimit(ratio=1.5, extra=1).of(lengths).tolist() == [2, 5, 16]


def test_a_replys_limit_does_not_depend_on_the_message() -> None:
    lengths = torch.tensor([1, 50])
    assert LengthLimit.for_task(is_chat=True).of(lengths).tolist() == [60, 60]
    assert LengthLimit.for_task(is_chat=False) == LengthLimit()


def test_padding_is_not_among_what_may_come() -> None:
    assert {PAD_ID, BOS_ID} < set(NEVER_GENERATED)
    assert EOS_ID not in NEVER_GENERATED


@pytest.mark.parametrize("beam_size", [1, 2, 4])
def test_a_confident_model_is_followed_to_the_end(beam_size: int) -> None:
    model = Script(
        {
            BOS_ID: {A: 0.98, EOS_ID: 0.02},
            A: {B: 0.98, EOS_ID: 0.02},
            B: {C: 0.98, EOS_ID: 0.02},
            C: {EOS_ID: 0.98, A: 0.02},
        }
    )
    (nbest,) = beam_search(model, *collate_sources([[A]]), beam_size=beam_size, limit=LengthLimit())
    assert nbest[0].ids == [A, B, C]
