"""The index of `seq2seq chat --retrieve`: read from the model folder, or made."""

import sys
from pathlib import Path

from pipeline.chat.retrieval import PAIRS_FILE, QuestionIndex
from pipeline.model_folder import TrainedModel


def open_index(trained: TrainedModel, folder: Path, *, corpus: str | None) -> QuestionIndex:
    """Known questions for a chat.

    Args:
        trained: The chat model.
        folder: Where it lies, and its index too; of a model on the hub it is not kept.
        corpus: Other pairs than those of its training split, with the same columns; not kept, since
            they may change.

    Raises:
        DataError: The corpus cannot be read.
        ModelError: The index in the folder is damaged, or of another model.
    """
    if corpus is None and (folder / PAIRS_FILE).is_file():
        return QuestionIndex.load(trained, folder)
    # Imported here: only who makes an index waits for the tools that read corpora.
    from pipeline.evaluation import load_pairs

    origin = corpus or f"the training split of {trained.data['path']}"
    print(f"making an index of the questions of {origin}", file=sys.stderr)
    pairs = load_pairs(trained, path=corpus, split="train")
    index = QuestionIndex.build(trained, zip(pairs.sources, pairs.references, strict=True))
    kept = ""
    if corpus is None and folder.is_dir():
        try:
            index.save(folder)
            kept = f", kept in {folder / PAIRS_FILE}"
        except OSError as error:
            kept = f", not kept in {folder} ({error.strerror})"
    print(f"{len(index):,} questions{kept}", file=sys.stderr)
    return index
