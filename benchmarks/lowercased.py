"""A corpus of sentence pairs lowercased, as the papers on Multi30k train and score.

    python -m benchmarks.lowercased FOLDER --source en --target de --output lowercased
    make train CONFIG=configs/multi30k_en_de.yaml ARGS="--data.path lowercased"

The folder has the splits of the corpus, and no other columns than the two. What is trained on it
reads and writes small letters only, so that it is measured as papers measure, and is no translator
to ship.
"""

import argparse
import json
from pathlib import Path

from pipeline.data.config import DataConfig
from pipeline.data.corpus import load_corpus
from pipeline.errors import UserError


def write_lowercased(path: str, source: str, target: str, folder: Path) -> dict[str, int]:
    """Write the splits of a corpus into `folder` as jsonl; the number of pairs of each.

    Raises:
        DataError: The corpus cannot be read.
        FileExistsError: There is such a folder.
    """
    splits = load_corpus(DataConfig(path=path, source=source, target=target))
    folder.mkdir(parents=True)
    for split, rows in splits.items():
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as stream:
            for row in rows:
                pair = {column: row[column].lower() for column in (source, target)}
                stream.write(json.dumps(pair, ensure_ascii=False) + "\n")
    return {split: len(rows) for split, rows in splits.items()}


def main() -> None:
    """Write and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", help="as data.path has it")
    parser.add_argument("--source", default="source", help="the column of the one language")
    parser.add_argument("--target", default="target", help="the column of the other")
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    try:
        written = write_lowercased(options.corpus, options.source, options.target, options.output)
    except FileExistsError:
        parser.error(f"{options.output}: expected a new folder, this one is there already")
    except UserError as error:
        parser.error(str(error))
    counts = ", ".join(f"{split} {count:,}" for split, count in written.items())
    print(f"{options.output}: {counts} pairs")


if __name__ == "__main__":
    main()
