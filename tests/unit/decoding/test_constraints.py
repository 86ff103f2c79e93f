import pytest
import torch

from pipeline.decoding.constraints import NONE, Constraint, ConstraintTable, Progress
from pipeline.tokenizer import UNK_ID

A, B, C = 4, 5, 6
SOURCES = torch.full((3, 4), A)


def table(*rows: list[Constraint]) -> ConstraintTable:
    return ConstraintTable(rows, SOURCES[: len(rows)])


def after(table: ConstraintTable, *chosen: int) -> Progress:
    """The progress of the only sentence after tokens of these constraints."""
    progress = table.begin()
    for constraint in chosen:
        progress = table.advance(progress, torch.tensor([constraint]))
    return progress


def next_ids(table: ConstraintTable, progress: Progress, num_left: int = 9) -> list[list[int]]:
    return table.next_ids(progress, torch.full_like(progress.open, num_left)).tolist()


def test_at_first_any_constraint_may_begin_and_nothing_is_covered() -> None:
    several = table([Constraint((A, B)), Constraint((C,))], [], [Constraint((B,))])
    progress = several.begin()
    assert next_ids(several, progress) == [[A, C], [NONE, NONE], [B, NONE]]
    assert several.num_tokens.tolist() == [3, 0, 1]
    assert several.num_covered(progress).tolist() == [0, 0, 0]
    assert progress.is_met.tolist() == [[False, False], [True, True], [False, True]]


def test_in_the_middle_of_a_constraint_only_that_one_goes_on() -> None:
    two = table([Constraint((A, B, C)), Constraint((C,))])
    assert next_ids(two, after(two, 0)) == [[B, NONE]]
    assert next_ids(two, after(two, 0, 0)) == [[C, NONE]]
    assert two.num_covered(after(two, 0, 0)).tolist() == [2]
    assert not after(two, 0, 0).is_met.any()


def test_what_is_met_does_not_begin_again() -> None:
    two = table([Constraint((A, B)), Constraint((C,))])
    progress = after(two, 0, 0)
    assert progress.is_met.tolist() == [[True, False]]
    assert progress.has_just_met.tolist() == [True]
    assert next_ids(two, progress) == [[NONE, C]]
    later = after(two, 0, 0, NONE)
    assert later.has_just_met.tolist() == [False]
    assert later.is_met.tolist() == [[True, False]]
    assert two.num_covered(after(two, 0, 0, NONE, 1)).tolist() == [3]
    assert after(two, 0, 0, NONE, 1).is_met.all()


def test_of_equal_constraints_the_first_begins_first() -> None:
    three = table([Constraint((A,)), Constraint((A,)), Constraint((A,))])
    assert next_ids(three, after(three)) == [[A, NONE, NONE]]
    assert next_ids(three, after(three, 0)) == [[NONE, A, NONE]]
    assert next_ids(three, after(three, 0, 1)) == [[NONE, NONE, A]]


def test_the_same_tokens_of_other_places_are_another_constraint() -> None:
    two = table([Constraint((A,), (0,)), Constraint((A,), (2,))])
    assert next_ids(two, two.begin()) == [[A, A]]


def test_what_cannot_be_met_is_not_begun() -> None:
    three = table([Constraint((A, B, C)), Constraint((B, UNK_ID)), Constraint((C, C))])
    assert next_ids(three, after(three)) == [[A, NONE, C]]
    assert next_ids(three, after(three), num_left=3) == [[A, NONE, C]]
    assert next_ids(three, after(three), num_left=2) == [[NONE, NONE, C]]
    assert next_ids(three, after(three), num_left=1) == [[NONE, NONE, NONE]]
    assert next_ids(three, after(three, 0), num_left=2) == [[B, NONE, NONE]]  # it has begun


def test_attention_on_the_places_of_each_and_of_all() -> None:
    several = table([Constraint((A,), (0, 1)), Constraint((B,), (1, 3))], [Constraint((C,))])
    progress = several.begin().select(torch.tensor([1, 0]))
    weights = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]])
    each, together = several.attended(progress, weights)
    assert each.flatten().tolist() == pytest.approx([0.0, 0.0, 0.3, 0.6])
    assert together.tolist() == pytest.approx([0.0, 0.7])  # the second place counts once
    assert several.has_places(progress).tolist() == [[False, False], [True, True]]


def test_an_empty_constraint_or_one_with_an_end_is_a_mistake_of_the_caller() -> None:
    for ids in ((), (A, 3)):
        with pytest.raises(AssertionError):
            table([Constraint(ids)])
