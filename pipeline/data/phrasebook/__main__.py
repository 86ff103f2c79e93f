"""Prints a phrasebook's counts and random rows of its training split."""

import argparse
import random
from collections import Counter
from pathlib import Path

from pipeline.data.phrasebook.expansion import expand_phrasebook
from pipeline.data.phrasebook.fillers import load_fillers
from pipeline.data.phrasebook.words import LANGUAGES


def main() -> None:
    """Print the summary of the folder on the command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.data.phrasebook", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    classes = load_fillers(options.folder / "fillers")
    splits = expand_phrasebook(options.folder)
    rows = [row for split in splits.values() for row in split]
    print(f"frames {len({row['frame'] for row in rows})}")
    print(f"fillers {sum(map(len, classes.values()))} in {len(classes)} classes")
    print(f"rows {len(rows)}: " + ", ".join(f"{k} {len(v)}" for k, v in splits.items()))
    for situation, count in Counter(row["situation"] for row in rows).items():
        print(f"  {situation} {count}")
    for row in random.sample(splits["train"], min(options.samples, len(splits["train"]))):
        print(*(row[language] for language in LANGUAGES), sep=" | ")


if __name__ == "__main__":
    main()
