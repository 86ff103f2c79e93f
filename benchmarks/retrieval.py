"""Known questions found by a paraphrase: the project's index beside TF-IDF and BM25; its speed.

    python -m benchmarks.retrieval --write FILE.csv FOLDER [--source Q --target A]
    seq2seq train --config configs/chat_korean.yaml --data.path FOLDER/corpus --name paraphrases
    python -m benchmarks.retrieval FOLDER runs/paraphrases/model [--split validation]

The first command makes an FAQ of 10,000 pairs out of a corpus in which several questions share an
answer: of some answers one question is held out, at random. Half of these are
`corpus/validation.csv` and half `test.csv`; the rest is `corpus/train.csv`. The second trains on
that rest. The third finds for each held-out question the most similar one of the rest, and counts
how often its answer is the right one; also by similarity, which tells where to set
`retrieve_above`. Then the time of a search among 100,000 pairs, on one thread: of the nearest
neighbours alone, and with the encoder's reading of the message.
"""

import argparse
import csv
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from pipeline.chat import ChatSession, ChatSettings, QuestionIndex
from pipeline.chat.retrieval import encode_questions
from pipeline.model_folder import TrainedModel, load_model
from pipeline.text import normalize

_NUM_PAIRS, _NUM_MANY = 10_000, 100_000
_Pairs = list[tuple[str, str]]
_NGRAMS: dict[str, dict[str, Any]] = {
    "words": {"token_pattern": r"\S+"},
    "characters 1-2": {"analyzer": "char_wb", "ngram_range": (1, 2)},
    "characters 2-4": {"analyzer": "char_wb", "ngram_range": (2, 4)},
}


def write_faq(corpus: Path, folder: Path, *, source: str, target: str) -> None:
    """Part a corpus into an FAQ and the paraphrases that are held out."""
    with corpus.open(encoding="utf-8", newline="") as stream:
        rows = [(normalize(row[source]), normalize(row[target])) for row in csv.DictReader(stream)]
    pairs = list(dict.fromkeys(rows))
    questions = defaultdict(list)
    for question, answer in pairs:
        questions[answer].append(question)
    draw = random.Random(0)
    several = sorted(answer for answer in questions if len(questions[answer]) > 1)
    answers = draw.sample(several, min(len(several), len(pairs) - _NUM_PAIRS))
    held_out = [(draw.choice(questions[answer]), answer) for answer in answers]
    rest = [pair for pair in pairs if pair not in set(held_out)]
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    parts = {
        "corpus/train.csv": rest,
        "corpus/validation.csv": held_out[::2],
        "test.csv": held_out[1::2],
    }
    for name, part in parts.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([(source, target), *part])
        print(f"{folder / name}: {len(part):,} pairs")


def read_pairs(path: Path) -> _Pairs:
    """Questions and answers: the first two columns."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    return [(row[0], row[1]) for row in rows[1:]]


def tf_idf(known: Sequence[str], asked: Sequence[str], ngrams: dict[str, Any]) -> NDArray[np.int64]:
    """For each question asked the row of the known one with the largest cosine."""
    vectorizer = TfidfVectorizer(**ngrams)
    vectors = vectorizer.fit_transform(known)
    return _argmax(vectorizer.transform(asked) @ vectors.T)


def bm25(known: Sequence[str], asked: Sequence[str], ngrams: dict[str, Any]) -> NDArray[np.int64]:
    """The same by BM25 (Robertson & Zaragoza 2009, equation 3.15), k1 = 1.2, b = 0.75."""
    vectorizer = CountVectorizer(**ngrams)
    weights = vectorizer.fit_transform(known).astype(float)  # counts, until they are weighted
    num_known, num_ngrams = weights.shape
    counts, columns = weights.data, weights.indices
    rows = np.repeat(np.arange(num_known), np.diff(weights.indptr))
    frequencies = np.bincount(columns, minlength=num_ngrams)
    idf = np.log(1 + (num_known - frequencies + 0.5) / (frequencies + 0.5))
    lengths = np.bincount(rows, weights=counts, minlength=num_known)
    saturation = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
    weights.data = idf[columns] * counts * 2.2 / (counts + saturation[rows])
    is_asked = (vectorizer.transform(asked) > 0).astype(float)
    return _argmax(is_asked @ weights.T)


def _argmax(scores: Any) -> NDArray[np.int64]:
    return np.asarray(scores.argmax(axis=1)).ravel()


def milliseconds_among_many(trained: TrainedModel, questions: Sequence[str]) -> tuple[float, float]:
    """Median times among 100,000 pairs, made of two known questions each: nearest, and search."""
    draw = random.Random(0)
    many = [" ".join(draw.sample(questions, 2)) for _ in range(_NUM_MANY)]
    index = QuestionIndex.build(trained, [(question, "x") for question in many])
    nearest, search = [], []
    for question in questions[:200]:
        started = time.perf_counter()
        index.search(question)
        search.append(1000 * (time.perf_counter() - started))
        (state,) = encode_questions(trained, [question])
        started = time.perf_counter()
        index.nearest(question, state, 1)
        nearest.append(1000 * (time.perf_counter() - started))
    return statistics.median(nearest), statistics.median(search)


def print_by_similarity(
    similarities: Sequence[float], found_right: NDArray[np.bool_], said_right: NDArray[np.bool_]
) -> None:
    """How often the answer of the likest question is right, and the model's own reply is."""
    print("| similarity | questions | the answer is right | the model's own reply is |")
    print("| --- | --- | --- | --- |")
    tenths = np.minimum(np.array(similarities) * 10, 9).astype(int)
    for tenth in np.unique(tenths):
        rows = tenths == tenth
        shares = f"{found_right[rows].mean():.0%} | {said_right[rows].mean():.0%}"
        print(f"| from {tenth / 10:.1f} | {rows.sum()} | {shares} |")
    print()


def main() -> None:
    """Write, or find and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--write", type=Path, metavar="FILE.csv")
    parser.add_argument("--source", default="Q")
    parser.add_argument("--target", default="A")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    options = parser.parse_args()
    if options.write:
        write_faq(options.write, options.folder, source=options.source, target=options.target)
        return
    torch.set_num_threads(1)
    known = read_pairs(options.folder / "corpus" / "train.csv")
    file = "test.csv" if options.split == "test" else "corpus/validation.csv"
    held_out = read_pairs(options.folder / file)
    questions, answers = [pair[0] for pair in known], np.array([pair[1] for pair in known])
    asked, right = [pair[0] for pair in held_out], np.array([pair[1] for pair in held_out])
    print(f"{len(known):,} pairs, {len(asked)} paraphrases held out ({options.split})\n")
    print("| by | right answer first |\n| --- | --- |")
    for name, ngrams in _NGRAMS.items():
        for method, search in (("TF-IDF", tf_idf), ("BM25", bm25)):
            share = float((answers[search(questions, asked, ngrams)] == right).mean())
            print(f"| {method}, {name} | {share:.1%} |", flush=True)
    trained = load_model(options.model)
    index = QuestionIndex.build(trained, known)
    found = [index.search(question)[0] for question in asked]
    is_right = np.array([match.answer for match in found]) == right
    print(f"| the project's index | {is_right.mean():.1%} |\n")
    session = ChatSession(trained, settings=ChatSettings(max_tokens=60))
    replies = [normalize(session.reply(question)) for question in asked]
    print_by_similarity([match.similarity for match in found], is_right, np.array(replies) == right)
    nearest, whole = milliseconds_among_many(trained, questions)
    print(f"among {_NUM_MANY:,} pairs: {nearest:.1f} ms, with the message's encoding {whole:.1f}")


if __name__ == "__main__":
    main()
