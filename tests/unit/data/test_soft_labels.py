import numpy as np
import torch

from pipeline.batch import collate
from pipeline.data.soft_labels import SoftLabelTable

_TARGETS = [[4, 5, 6], [7], [], [8, 9]]
_NUM_LABELS = np.array([len(target) + 1 for target in _TARGETS])


def _filled() -> SoftLabelTable:
    """Of row r and position t the pieces 100 r + t and the next, 3/4 and 1/4; junk in padding."""
    table = SoftLabelTable(_NUM_LABELS, num_pieces=2, share=0.4)
    for rows in ([3, 1], [0, 2]):
        longest = max(_NUM_LABELS[rows]) + 1
        ids = torch.full((2, longest, 2), 77)
        for i, row in enumerate(rows):
            first = 100 * row + torch.arange(_NUM_LABELS[row])
            ids[i, : len(first)] = torch.stack([first, first + 1], dim=-1)
        table.fill(rows, ids, torch.tensor([0.75, 0.25]).expand(ids.shape))
    return table


def test_a_batch_gets_the_soft_labels_of_its_pairs_and_none_in_its_padding() -> None:
    rows = np.array([2, 0, 3])
    batch = collate([[4]] * 3, [_TARGETS[row] for row in rows])
    soft = _filled().added(batch, rows).soft_labels
    assert soft is not None
    assert soft.share == 0.4
    assert soft.ids.tolist() == [
        [[200, 201], [0, 0], [0, 0], [0, 0]],
        [[0, 1], [1, 2], [2, 3], [3, 4]],
        [[300, 301], [301, 302], [302, 303], [0, 0]],
    ]
    real = batch.labels != 0
    assert (soft.probs[real] == torch.tensor([0.75, 0.25])).all()
    assert (soft.probs[~real] == 0).all()


def test_the_rest_of_the_batch_is_as_it_was() -> None:
    batch = collate([[4, 5]], [_TARGETS[0]])
    added = _filled().added(batch, np.array([0]))
    for name in ("source_ids", "source_lengths", "decoder_input_ids", "labels"):
        assert torch.equal(getattr(added, name), getattr(batch, name))
