"""Known answers: an index of questions, by what the encoder makes of them and how they are spelt.

index.safetensors    the encoder's vectors of the questions, and how they were made shorter
index.json           the pairs, whose model made it, and the digest of the vectors
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from pipeline.batch import collate_sources, rows_by_length
from pipeline.chat.spelling import SpellingIndex
from pipeline.context import clean_turn
from pipeline.errors import DataError, ModelError
from pipeline.model_folder import TrainedModel, write_whole
from pipeline.text import normalize
from pipeline.tokenizer import TURN

VECTORS_FILE, PAIRS_FILE = "index.safetensors", "index.json"
_FORMAT_VERSION = 1
_NUM_AXES = 64
"""More find hardly more, and 100,000 vectors of them are read for each message."""
_STATE_SHARE = 0.2
_MAX_PIECES = 128
"""Of a question as the encoder reads it; the end counts, where the question usually stands."""
_BATCH_SIZE = 64
_ROUNDING = 1e-4
_ALMOST = 0.9999
"""The most that a question can be like another one: 1 is for the same."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A known question that is like a message, and its answer.

    Attributes:
        question: As it was indexed.
        answer: Its answer.
        similarity: From 0 to 1, which only the same question has, capital letters aside.
        row: Where the pair stood in what the index was built from, counted from 0.
    """

    question: str
    answer: str
    similarity: float
    row: int


class QuestionIndex:
    """Questions with their answers, to be searched by a message.

    The similarity is a weighted mean of two: the cosine of the encoder's outputs, whose maximum
    over the pieces is taken and brought to 64 dimensions by the questions' principal components,
    and the likeness of the spelling (`SpellingIndex`). The encoder learnt which questions have one
    answer, also where they share no word; the spelling is sure where the encoder has never met a
    word.

    Args:
        trained: An encoder-decoder.
        pairs: Row, question and answer of each.
        vectors: Of the questions, of unit size; (N, D).
        mean: Of the encoder's vectors before they were made shorter; (H).
        axes: Their principal components; (H, D).
    """

    def __init__(
        self,
        trained: TrainedModel,
        pairs: Sequence[tuple[int, str, str]],
        *,
        vectors: Tensor,
        mean: Tensor,
        axes: Tensor,
    ) -> None:
        self._trained = trained
        self._pairs = pairs
        self._vectors, self._mean, self._axes = vectors, mean, axes
        self._spelling = SpellingIndex([question for _, question, _ in pairs])
        self._same: dict[str, list[int]] = {}
        for i, (_, question, _) in enumerate(pairs):
            self._same.setdefault(question.casefold(), []).append(i)

    @classmethod
    def build(cls, trained: TrainedModel, pairs: Iterable[tuple[str, str]]) -> Self:
        """Encode the questions.

        Args:
            trained: An encoder-decoder.
            pairs: Questions and answers, in any form; of a conversation its last turn is the
                question. Repeated pairs and those with an empty side are left out.

        Raises:
            DataError: No pair is left.
            ModelError: The model is no encoder-decoder.
        """
        rows: dict[tuple[str, str], int] = {}
        for row, (context, answer) in enumerate(pairs):
            pair = clean_turn(context.rpartition(TURN)[2]), normalize(answer)
            if all(pair):
                rows.setdefault(pair, row)
        if not rows:
            raise DataError("no question with an answer to make an index of")
        states = encode_questions(trained, [question for question, _ in rows])
        mean = states.mean(dim=0)
        # Eigenvalues come in ascending order: the last columns hold most of the variance.
        axes = torch.linalg.eigh((states - mean).T @ (states - mean)).eigenvectors[:, -_NUM_AXES:]
        return cls(
            trained,
            [(row, *pair) for pair, row in rows.items()],
            vectors=nn.functional.normalize((states - mean) @ axes, dim=-1),
            mean=mean,
            axes=axes.contiguous(),
        )

    def __len__(self) -> int:
        return len(self._pairs)

    def search(self, message: str, k: int = 1) -> list[Match]:
        """The `k` known questions that are most like the message, the likest first.

        Of equally like ones the first in the order of rows. None where the message has no text.
        """
        question = clean_turn(message)
        if not question:
            return []
        return self.nearest(question, encode_questions(self._trained, [question])[0], k)

    def nearest(self, question: str, state: Tensor, k: int) -> list[Match]:
        """What `search` gives, the question being normalised and encoded."""
        vector = nn.functional.normalize((state - self._mean) @ self._axes, dim=-1)
        spelt = self._spelling.similarities(question).mul_(1 - _STATE_SHARE)

        def totals(rows: Tensor) -> Tensor:
            return spelt[rows] + _STATE_SHARE * (self._vectors[rows] @ vector)

        # The cosine of the states is at most 1, but for rounding: whose spelling leaves it further
        # behind than that need not be looked at, and the vectors of the others are far fewer.
        k = min(k, len(self))
        least = totals(spelt.topk(k).indices).min()
        rows = (spelt >= least - _STATE_SHARE - _ROUNDING).nonzero().flatten()
        scores = totals(rows).clamp_(0, _ALMOST)
        same = torch.tensor(self._same.get(question.casefold(), []), dtype=torch.long)
        scores[torch.isin(rows, same)] = 1.0
        # So coarse that it does not matter in which company a question was encoded.
        scores.mul_(10_000).round_()
        order = scores.argsort(descending=True, stable=True)[:k]
        return [self._match(int(rows[i]), float(scores[i]) / 10_000) for i in order.tolist()]

    def save(self, folder: Path) -> None:
        """Write it beside the model; each file appears whole or not at all."""
        tensors = {"vectors": self._vectors, "mean": self._mean, "axes": self._axes}
        content = safetensors.torch.save(tensors)
        description = {
            "format_version": _FORMAT_VERSION,
            "model": _fingerprint(self._trained),
            "vectors": hashlib.sha256(content).hexdigest(),
            "pairs": self._pairs,
        }
        write_whole(folder / VECTORS_FILE, content)
        # Last, since it tells which vectors belong to it.
        write_whole(folder / PAIRS_FILE, json.dumps(description, ensure_ascii=False).encode())

    @classmethod
    def load(cls, trained: TrainedModel, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ModelError: A file is missing or damaged, or another model made it.
        """
        path = folder / PAIRS_FILE
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: expected the JSON of an index ({error})") from error
        pairs = _checked(path, description, trained)
        path = folder / VECTORS_FILE
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
        if hashlib.sha256(content).hexdigest() != description["vectors"]:
            raise ModelError(f"{path}: damaged, or not of the index.json beside it; {_MEND}")
        return cls(trained, pairs, **safetensors.torch.load(content))

    def _match(self, i: int, similarity: float) -> Match:
        row, question, answer = self._pairs[i]
        return Match(question=question, answer=answer, similarity=similarity, row=row)


_MEND = "delete index.json to have it made again"


def _checked(path: Path, description: Any, trained: TrainedModel) -> list[tuple[int, str, str]]:
    """The pairs of an `index.json`."""
    if not isinstance(description, dict) or type(description.get("format_version")) is not int:
        raise ModelError(f"{path}: expected the key format_version, as an index has it; {_MEND}")
    if description["format_version"] > _FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {description['format_version']} is later than "
            f"{_FORMAT_VERSION}, the latest that this version reads; update seq2seq-pipeline"
        )
    if description.get("model") != _fingerprint(trained):
        raise ModelError(f"{path}: made by another model than {trained.name} is now; {_MEND}")
    pairs = description.get("pairs")
    if not isinstance(pairs, list) or not pairs or "vectors" not in description:
        raise ModelError(f"{path}: expected the keys pairs and vectors; {_MEND}")
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, list) or [type(part) for part in pair] != [int, str, str]:
            raise ModelError(f"{path}: pair {number}: expected row, question, answer; {_MEND}")
    return [(row, question, answer) for row, question, answer in pairs]


@torch.inference_mode()
def encode_questions(trained: TrainedModel, questions: Sequence[str]) -> Tensor:
    """The encoder's outputs, the maximum over the pieces of each question; (N, H)."""
    encoder = trained.model.encoder
    device = next(encoder.parameters()).device
    sources = [ids[-_MAX_PIECES:] for ids in trained.source_tokenizer.encode_batch(questions)]
    vectors = torch.empty(len(sources), trained.model.config.hidden_size)
    for rows in rows_by_length(sources, _BATCH_SIZE):
        ids, lengths = collate_sources([sources[row] for row in rows])
        encoded = encoder(ids.to(device), lengths.to(device))
        is_padding = ~encoded.source_mask.unsqueeze(-1)
        vectors[rows] = encoded.outputs.masked_fill(is_padding, -torch.inf).amax(dim=1).cpu()
    return vectors


def _fingerprint(trained: TrainedModel) -> str:
    """Of all that the vectors depend on: the encoder's weights, and the pieces that it reads."""
    digest = hashlib.sha256(trained.source_tokenizer.fingerprint.encode())
    for name, weight in trained.model.encoder.state_dict().items():
        digest.update(name.encode() + weight.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
