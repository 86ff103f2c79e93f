"""A comparison of two translators for a person to read."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.evaluation.comparison import Sentence, TranslationComparison


def report(comparison: "TranslationComparison") -> str:
    """The comparison for a person to read; what it comes to is the last line."""
    parts = [
        _heading(comparison),
        _scores(comparison),
        _by_length(comparison),
        _by_frequency(comparison),
        _sentences("A", [s for s in comparison.most_different if s.difference > 0]),
        _sentences("B", [s for s in comparison.most_different if s.difference < 0]),
        [f"conclusion  {comparison.verdict.sentence}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _heading(comparison: "TranslationComparison") -> list[str]:
    decoding = "greedy" if comparison.beam_size == 1 else f"beam {comparison.beam_size}"
    return [
        f"A           {comparison.model_a}",
        f"B           {comparison.model_b}",
        f"split       {comparison.split}, {comparison.num_sentences:,} sentences, {decoding}; "
        f"{comparison.num_same:,} translated alike",
    ]


def _scores(comparison: "TranslationComparison") -> list[str]:
    from pipeline.evaluation.comparison import METRIC_NAMES

    lines = [f"            {'A':<22}  {'B':<22}   A - B  p"]
    for name, score in comparison.scores.items():
        a, b = (f"{of.score:.2f} ({of.mean:.2f} ± {of.interval:.2f})" for of in (score.a, score.b))
        lines.append(
            f"{METRIC_NAMES[name]:<11} {a:<22}  {b:<22}  {score.difference:+6.2f}  "
            f"{score.p_value:.3f}{'   (less is better)' if score.less_is_better else ''}"
        )
    if comet := comparison.comet:
        lines.append(
            f"COMET       {comet.a:<22.4f}  {comet.b:<22.4f}  {comet.a - comet.b:+7.4f}  "
            f"({comet.model})"
        )
    lines.append(
        "            in brackets: mean and 95 % interval of 1,000 samples of the sentences"
    )
    lines += [
        f"            {METRIC_NAMES[name]} {score.signature}"
        for name, score in comparison.scores.items()
    ]
    return lines


def _by_length(comparison: "TranslationComparison") -> list[str]:
    return ["by words of the source, A and B:"] + [
        f"  {row['words']:>7} words: BLEU {row['bleu_a']:5.2f} {row['bleu_b']:5.2f}, "
        f"chrF2 {row['chrf_a']:5.2f} {row['chrf_b']:5.2f}, "
        f"TER {row['ter_a']:5.2f} {row['ter_b']:5.2f}  ({row['num_sentences']:,})"
        for row in comparison.by_length
    ]


def _by_frequency(comparison: "TranslationComparison") -> list[str]:
    if comparison.by_frequency is None:
        return []
    return [
        "words of the references that A and B find, by how often A's training text has them:"
    ] + [
        f"  {row['occurrences']:>7} times: {row['recall_a']:6.1%} {row['recall_b']:6.1%}  "
        f"({row['num_words']:,})"
        for row in comparison.by_frequency
    ]


def _sentences(model: str, sentences: "list[Sentence]") -> list[str]:
    if not sentences:
        return []
    lines = [f"where {model} is most ahead, by chrF2 of the sentence:"]
    for sentence in sentences:
        lines += [
            f"  {abs(sentence.difference):5.1f}  source     {sentence.source}",
            f"         reference  {sentence.reference}",
            f"         A          {sentence.a}",
            f"         B          {sentence.b}",
        ]
    return lines
