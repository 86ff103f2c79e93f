"""All that is reported of two translators' hypotheses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline import metrics
from pipeline.evaluation.comparison.sentences import (
    Sentence,
    equal_bins,
    most_different,
    side_by_side,
)
from pipeline.evaluation.comparison.verdict import Verdict, judge
from pipeline.evaluation.corpus import Pairs
from pipeline.evaluation.scores import SplitScores
from pipeline.metrics import CASED_13A, BleuProtocol, PairedScore

_MOST_LENGTH_BINS = 5
_LEAST_IN_A_BIN = 50


@dataclass(frozen=True)
class CometScores:
    """What a model of COMET's makes of both; see `load_comet`."""

    model: str
    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class TranslationComparison(SplitScores):
    """Two translators on the same sentences.

    Attributes:
        model_a: The first model, as it was named.
        model_b: The second.
        num_sentences: How many.
        num_same: How many of them both translate alike.
        beam_size: 1 is greedy decoding.
        scores: By metric (`bleu`, `chrf`, `ter`): of both, with the p-value of their difference.
        by_length: The scores by the number of words of the source: in `words` the least and the
            most, in `bleu_a`, `bleu_b` and so on the scores.
        by_frequency: `recall_a` and `recall_b` of the references' words by how often the training
            split of model A has them (see `FrequencyBin`); None without that split.
        sentences: All of them, with both translations.
        most_different: Those on which the models differ most.
        comet: COMET's scores, where they were asked for.
        verdict: What all this comes to.
    """

    model_a: str
    model_b: str
    num_sentences: int
    num_same: int
    beam_size: int
    scores: dict[str, PairedScore]
    by_length: list[dict[str, Any]]
    by_frequency: list[dict[str, Any]] | None
    sentences: list[Sentence]
    most_different: list[Sentence]
    comet: CometScores | None
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Plain numbers; of the sentences only the most different."""
        values = asdict(self)
        for name in ("scores", "sentences", "verdict"):
            del values[name]
        scores = {
            name: {**asdict(score), "difference": score.difference}
            for name, score in self.scores.items()
        }
        verdict = {"better": self.verdict.better, "conclusion": self.verdict.sentence}
        return {**verdict, **scores, **values}


def compare_translations(
    pairs: Pairs,
    hypotheses_a: Sequence[str],
    hypotheses_b: Sequence[str],
    *,
    names: tuple[str, str],
    beam_size: int = 1,
    num: int = 10,
    protocol: BleuProtocol = CASED_13A,
    training_text: Sequence[str] | None = None,
    comet: CometScores | None = None,
) -> TranslationComparison:
    """Score both, test the difference, and find where it lies.

    Args:
        pairs: What was translated, and what was expected.
        hypotheses_a: What model A wrote.
        hypotheses_b: What model B wrote.
        names: What the result calls the models.
        beam_size: By which both decoded.
        num: Of the sentences on which they differ most, how many are kept apart.
        protocol: How BLEU is computed.
        training_text: The target side of the training split, to count its words.
        comet: COMET's scores.
    """
    scores = metrics.paired_bootstrap(
        hypotheses_a, hypotheses_b, pairs.references, protocol=protocol
    )
    sentences = side_by_side(pairs, hypotheses_a, hypotheses_b)
    num_same = sum(sentence.a == sentence.b for sentence in sentences)
    return TranslationComparison(
        split=pairs.split,
        model_a=names[0],
        model_b=names[1],
        num_sentences=len(sentences),
        num_same=num_same,
        beam_size=beam_size,
        scores=scores,
        by_length=_by_length(sentences, protocol),
        by_frequency=None if training_text is None else _by_frequency(sentences, training_text),
        sentences=sentences,
        most_different=most_different(sentences, num),
        comet=comet,
        verdict=judge(scores, num_sentences=len(sentences), num_same=num_same),
    )


def _by_length(sentences: Sequence[Sentence], protocol: BleuProtocol) -> list[dict[str, Any]]:
    lengths = [len(sentence.source.split()) for sentence in sentences]
    rows = []
    for inside in equal_bins(lengths, most_bins=_MOST_LENGTH_BINS, least=_LEAST_IN_A_BIN):
        shortest, longest = (end(lengths[i] for i in inside) for end in (min, max))
        row: dict[str, Any] = {
            "words": f"{shortest}-{longest}" if shortest < longest else f"{shortest}",
            "num_sentences": len(inside),
        }
        references = [sentences[i].reference for i in inside]
        for model in ("a", "b"):
            texts = [getattr(sentences[i], model) for i in inside]
            row[f"bleu_{model}"] = metrics.bleu(texts, references, protocol=protocol).value
            row[f"chrf_{model}"] = metrics.chrf(texts, references).value
            row[f"ter_{model}"] = metrics.ter(texts, references).value
        rows.append(row)
    return rows


def _by_frequency(sentences: Sequence[Sentence], training: Sequence[str]) -> list[dict[str, Any]]:
    counts = metrics.word_counts(training)
    references = [sentence.reference for sentence in sentences]
    of_a, of_b = (
        metrics.recall_by_frequency(texts, references, counts)
        for texts in ([s.a for s in sentences], [s.b for s in sentences])
    )
    return [
        {
            "occurrences": a.occurrences,
            "num_words": a.num_words,
            "recall_a": a.recall,
            "recall_b": b.recall,
        }
        for a, b in zip(of_a, of_b, strict=True)
    ]
