"""Which words of the references the hypotheses have, by how often training has seen them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

_UPPER_EDGES = (0, 5, 50)


@dataclass(frozen=True)
class FrequencyBin:
    """Words of the references that occur about as often in the training text.

    Attributes:
        occurrences: How often: `0`, `1-5`, `6-50`, or `over 50` times.
        num_words: How many words of the references, repetitions counted.
        recall: Share of them that the hypothesis of their sentence has too, 0 to 1.
    """

    occurrences: str
    num_words: int
    recall: float


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs."""
    tokenize = Tokenizer13a()
    return Counter(word for text in texts for word in tokenize(text).split())


def recall_by_frequency(
    hypotheses: Sequence[str], references: Sequence[str], training: Mapping[str, int]
) -> list[FrequencyBin]:
    """Recall of the references' words, the rarest first; bins without words are left out.

    Words are cased and parted as BLEU's 13a does, so that punctuation does not cling to them. A
    word that the reference has twice is found twice if the hypothesis has it twice.

    Args:
        hypotheses: What was written.
        references: What was expected.
        training: How often each word occurs in the target side of the training split.
    """
    found, there = Counter[int](), Counter[int]()
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        written = word_counts([hypothesis])
        for word, count in word_counts([reference]).items():
            place = sum(training.get(word, 0) > edge for edge in _UPPER_EDGES)
            there[place] += count
            found[place] += min(count, written[word])
    return [
        FrequencyBin(_occurrences(place), there[place], found[place] / there[place])
        for place in sorted(there)
    ]


def _occurrences(place: int) -> str:
    if place == 0:
        return "0"
    if place == len(_UPPER_EDGES):
        return f"over {_UPPER_EDGES[-1]}"
    return f"{_UPPER_EDGES[place - 1] + 1}-{_UPPER_EDGES[place]}"
