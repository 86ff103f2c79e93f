"""Scores for a person to read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.evaluation import (
        ChatScores,
        ClassificationScores,
        ForecastScores,
        GenerationScores,
        LanguageModelScores,
        Scores,
    )
    from pipeline.evaluation.worst import JudgedSentence


def report(scores: "Scores") -> str:
    """The scores for a person to read."""
    from pipeline.evaluation import (
        ChatScores,
        ClassificationScores,
        ForecastScores,
        LanguageModelScores,
    )

    match scores:
        case ChatScores():
            return _chat_report(scores)
        case ClassificationScores():
            return _classification_report(scores)
        case LanguageModelScores():
            return _language_report(scores)
        case ForecastScores():
            return _forecast_report(scores)
    return _generation_report(scores)


def worst_report(worst: "Sequence[JudgedSentence]") -> list[str]:
    """The sentences below their heading, for a person to read."""
    lines = ["the worst, by chrF2:"]
    for sentence in worst:
        lines += [
            f"  {sentence.chrf:5.1f}  source      {sentence.source}",
            f"         reference   {sentence.reference}",
            f"         hypothesis  {sentence.hypothesis}",
        ]
    return lines


def _generation_report(scores: "GenerationScores") -> str:
    lines = _generation_lines(scores)
    lines += [
        f"  {row['words']:>7} words: BLEU {row['bleu']:5.2f}  ({row['num_sentences']:,})"
        for row in scores.by_length
    ]
    return "\n".join(lines)


def _chat_report(scores: "ChatScores") -> str:
    distinct = (scores.distinct_1, scores.distinct_2, scores.distinct_3)
    lines = [
        *_generation_lines(scores),
        "(BLEU and chrF say little of a reply: there are many good ones, and one reference)",
        "distinct    " + ", ".join(f"{n}: {share:.4f}" for n, share in enumerate(distinct, 1)),
        f"length      {scores.mean_length:.2f} words a reply",
        f"top 10      {scores.top_10_reply_share:.1%} of replies are among the ten most frequent",
        f"rep-4       {scores.rep_4:.2%} of the 4-grams of a reply repeat one before them",
        f"relevance   {scores.relevance:.4f}   cosine of reply and reference, centred; 0 is chance",
        f"hits@1      {scores.hits_at_1:.1%} of {scores.num_ranked:,} contexts, "
        f"{scores.num_candidates} candidates; {1 / scores.num_candidates:.0%} is chance",
    ]
    lines += [
        f"  turn {_turn(row['turn'])}: perplexity {row['perplexity_per_word']:8.2f}, "
        f"hits@1 {_share(row['hits_at_1'])}  ({row['num_sentences']:,})"
        for row in scores.by_turn
    ]
    return "\n".join(lines)


def _generation_lines(scores: "GenerationScores") -> list[str]:
    return [
        f"split       {scores.split}, {scores.num_sentences:,} sentences, {_decoding(scores)}",
        f"BLEU        {scores.bleu:.2f}   {scores.signature}",
        f"chrF        {scores.chrf:.2f}   {scores.chrf_signature}",
        f"exact match {scores.exact_match:.1%}",
        f"loss        {scores.loss_nats_per_token:.4f} nats a token",
        f"perplexity  {scores.perplexity_per_word:.2f} a word, "
        f"{scores.bits_per_character:.3f} bits a character",
        f"speed       {scores.sentences_per_second:.0f} sentences/s",
    ]


def _decoding(scores: "GenerationScores") -> str:
    from pipeline.evaluation import ChatScores

    search = scores.search
    words = ["greedy"]
    if scores.beam_size > 1:
        words = [f"beam {scores.beam_size}"]
        if search.length_penalty != 1:
            words.append(f"length penalty {search.length_penalty:g}")
        if search.coverage_penalty:
            words.append(f"coverage penalty {search.coverage_penalty:g}")
        if search.reverse_weight:
            words.append(f"reverse model {search.reverse_weight:g}")
    elif search.mbr:
        words = [f"minimum Bayes risk of {search.mbr}"]
    elif isinstance(scores, ChatScores) and scores.settings.temperature > 0:
        words = [f"sampled (temperature {scores.settings.temperature:g})"]
    if scores.num_models > 1:
        words.append(f"{scores.num_models} models")
    return ", ".join(words)


def _turn(turn: int) -> str:
    from pipeline.evaluation.chat import LAST_TURN

    return f"{turn}+" if turn == LAST_TURN else f"{turn} "


def _share(share: float | None) -> str:
    return f"{'-':>6}" if share is None else f"{share:6.1%}"


def _classification_report(scores: "ClassificationScores") -> str:
    lines = [
        f"split       {scores.split}, {scores.num_sentences:,} sentences",
        f"accuracy    {scores.accuracy:.2%}",
        f"macro F1    {scores.macro_f1:.4f}",
        f"loss        {scores.loss_nats_per_label:.4f} nats a label",
    ]
    lines += [
        f"  {label}: precision {of['precision']:.2f}, recall {of['recall']:.2f}, "
        f"F1 {of['f1']:.2f}  ({of['num_sentences']:,.0f})"
        for label, of in scores.by_label.items()
    ]
    return "\n".join(lines)


def _language_report(scores: "LanguageModelScores") -> str:
    return "\n".join(
        [
            f"split       {scores.split}, {scores.num_sentences:,} sentences",
            f"loss        {scores.loss_nats_per_token:.4f} nats a token",
            f"perplexity  {scores.perplexity_per_word:.2f} a word",
            f"            {scores.bits_per_character:.3f} bits a character",
        ]
    )


def _forecast_report(scores: "ForecastScores") -> str:
    return "\n".join(
        [
            f"split       {scores.split}, {scores.num_values:,} forecasts, a step ahead",
            f"loss        {scores.loss_nats_per_value:.4f} nats a value",
            f"RMSE        {scores.rmse:.3f}   (the value before as a forecast: "
            f"{scores.naive_rmse:.3f})",
            f"MAE         {scores.mae:.3f}   (the value before as a forecast: "
            f"{scores.naive_mae:.3f})",
        ]
    )
