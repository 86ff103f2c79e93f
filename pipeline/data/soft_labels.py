"""What teachers say of the training pairs: of each target token the most probable pieces."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, SoftLabels


class SoftLabelTable:
    """The soft labels of a corpus, in memory: six bytes for each of K pieces of a token.

    Args:
        num_labels: Of each pair, EOS counted.
        num_pieces: K.
        share: Of the soft labels in what is to be learnt.
    """

    def __init__(self, num_labels: NDArray[np.int64], *, num_pieces: int, share: float) -> None:
        self._share = share
        self._ends = np.cumsum(num_labels)
        self._starts = self._ends - num_labels
        total = int(self._ends[-1])
        self._ids = np.zeros((total, num_pieces), dtype=np.int32)
        self._probs = np.zeros((total, num_pieces), dtype=np.float16)

    def fill(self, rows: Sequence[int], ids: Tensor, probs: Tensor) -> None:
        """Keep the soft labels (B, T, K) of these pairs."""
        some_ids, some_probs = ids.numpy(), probs.numpy()
        for i, row in enumerate(rows):
            start, end = self._starts[row], self._ends[row]
            self._ids[start:end] = some_ids[i, : end - start]
            self._probs[start:end] = some_probs[i, : end - start]

    def added(self, batch: Seq2SeqBatch, rows: NDArray[np.int64]) -> Seq2SeqBatch:
        """The batch of these pairs, with their soft labels."""
        shape = (*batch.labels.shape, self._ids.shape[1])
        ids, probs = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.float32)
        for i, row in enumerate(rows):
            start, end = self._starts[row], self._ends[row]
            ids[i, : end - start] = self._ids[start:end]
            probs[i, : end - start] = self._probs[start:end]
        soft_labels = SoftLabels(torch.from_numpy(ids), torch.from_numpy(probs), self._share)
        return replace(batch, soft_labels=soft_labels)
