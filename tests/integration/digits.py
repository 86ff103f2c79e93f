"""The digit-copy corpus: what does not learn it is broken between file and text."""

import json
import random
from pathlib import Path


def write_digit_corpus(folder: Path, *, num_train: int, num_held_out: int) -> Path:
    """Sentences of 1 to 10 digits that are their own translation, in three splits."""
    draw = random.Random(1)
    sentences: dict[str, None] = {}
    while len(sentences) < num_train + 2 * num_held_out:
        digits = [str(draw.randrange(10)) for _ in range(draw.randint(1, 10))]
        sentences[" ".join(digits)] = None
    rows = list(sentences)
    splits = {
        "train": rows[:num_train],
        "validation": rows[num_train : num_train + num_held_out],
        "test": rows[num_train + num_held_out :],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in splits.items():
        lines = [json.dumps({"source": text, "target": text}) for text in texts]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
