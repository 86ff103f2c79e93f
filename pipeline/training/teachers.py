"""Word-level knowledge distillation: a model learns what its teachers would say at each token.

The reference holds one of the words that could come next; teachers hold them all, with what each
is worth (Hinton et al. 2015; Kim & Rush 2016, section 3.1). Several teachers are an ensemble: the
mean of their probabilities. What they say of the training pairs does not change: it is found once,
before the first step, and of each token the most probable pieces are kept.
"""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.data.config import DataConfig
from pipeline.data.prepare import PreparedCorpus
from pipeline.data.soft_labels import SoftLabelTable
from pipeline.errors import ConfigError, ModelError
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel, load_ensemble
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.precision import choose_precision
from pipeline.task import Task
from pipeline.tokenizer import Tokenizer
from pipeline.training.config import RunConfig
from pipeline.training.fine_tuning import expect_tokenizers

_log = logging.getLogger(__name__)
_NUM_PIECES = 16
_ROWS_AT_A_TIME = 32


def load_teachers(config: RunConfig, task: Task) -> list[TrainedModel]:
    """Load the models of `trainer.teachers`.

    Raises:
        ConfigError: One is for another task, or the run asks for other tokenizers.
        ModelError: A model folder cannot be read, or two do not have the same tokenizers.
    """
    folders = config.trainer.teacher_folders
    try:
        teachers = load_ensemble(folders)
    except ModelError as error:
        raise ModelError(f"trainer.teachers: {error}") from error
    for folder, teacher in zip(folders, teachers, strict=True):
        if teacher.task != task:
            raise ConfigError(
                f"trainer.teachers: {folder} is a model for {teacher.task}; expected {task}"
            )
        expect_tokenizers(config.data, teacher, folder)
        _expect_no_reverse(config.data, teacher, folder)
    return teachers


def _expect_no_reverse(data: DataConfig, teacher: TrainedModel, folder: str) -> None:
    """Columns may be called otherwise, but who knows only the way back would teach nonsense."""
    for source, target in data.directions:
        back = Direction(target, source)
        if back in teacher.directions and Direction(source, target) not in teacher.directions:
            raise ConfigError(
                f"trainer.teachers: {folder} translates {back}; expected {source} to {target}"
            )


def require_same_tokenizers(
    teachers: Sequence[TrainedModel], tokenizers: Sequence[Tokenizer]
) -> None:
    """Check that teachers and a student that has tokenizers already speak of the same pieces.

    Raises:
        ConfigError: They do not.
    """
    expected = [each.fingerprint for each in tokenizers]
    for teacher in teachers:
        if [each.fingerprint for each in teacher.tokenizers] != expected:
            raise ConfigError(
                f"trainer.teachers: {teacher.name} has other tokenizers than this run; expected a "
                "model of the same corpus with the same data.tokenizer"
            )


@torch.no_grad()
def ask(teachers: Sequence[Seq2Seq], corpus: PreparedCorpus, *, share: float) -> SoftLabelTable:
    """What the teachers say of each training pair.

    Args:
        teachers: At least one.
        corpus: Encoded by their tokenizers.
        share: How much of what is to be learnt they are.
    """
    lengths = np.asarray(corpus.train.with_format("numpy")["target_length"][:], dtype=np.int64)
    table = SoftLabelTable(lengths + 1, num_pieces=_NUM_PIECES, share=share)
    _log.info("%s teachers read %s pairs", len(teachers), f"{len(lengths):,}")
    for network in teachers:
        network.eval()
    dtype = choose_precision("auto", device_type="cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        for rows in _by_length(lengths):
            pairs = corpus.train[rows]
            batch = collate(pairs["source_ids"], pairs["target_ids"])
            table.fill(rows, *most_probable(teachers, batch))
    return table


def most_probable(teachers: Sequence[Seq2Seq], batch: Seq2SeqBatch) -> tuple[Tensor, Tensor]:
    """The pieces (B, T, K) of the mean of the teachers' distributions, as if no other were."""
    probs = _probs(teachers[0], batch)
    for other in teachers[1:]:
        probs += _probs(other, batch)
    top = probs.topk(min(_NUM_PIECES, probs.shape[-1]), dim=-1)
    return top.indices, top.values / top.values.sum(dim=-1, keepdim=True)


def _probs(network: Seq2Seq, batch: Seq2SeqBatch) -> Tensor:
    return network.logits(network(batch)).float().softmax(dim=-1)


def _by_length(lengths: np.ndarray) -> list[list[int]]:
    order = np.argsort(lengths, kind="stable").tolist()
    return [order[i : i + _ROWS_AT_A_TIME] for i in range(0, len(order), _ROWS_AT_A_TIME)]
