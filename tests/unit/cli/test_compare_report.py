from dataclasses import replace

from pipeline.cli.compare_report import report
from pipeline.evaluation.comparison import CometScores, Sentence, TranslationComparison, Verdict
from pipeline.metrics import PairedScore, Resampled

COMPARISON = TranslationComparison(
    split="validation",
    model_a="runs/x/model",
    model_b="runs/y/model",
    num_sentences=1234,
    num_same=412,
    beam_size=1,
    scores={
        "bleu": PairedScore(
            a=Resampled(38.476, 38.501, 1.312),
            b=Resampled(37.7, 37.69, 1.25),
            p_value=0.01234,
            less_is_better=False,
            signature="nrefs:1|bleu",
        ),
        "ter": PairedScore(
            a=Resampled(48.0, 48.0, 2.0),
            b=Resampled(150.0, 149.9, 2.5),
            p_value=0.5,
            less_is_better=True,
            signature="nrefs:1|ter",
        ),
    },
    by_length=[
        {
            "words": "2-8",
            "num_sentences": 1234,
            "bleu_a": 40.123,
            "bleu_b": 9.5,
            "chrf_a": 60.0,
            "chrf_b": 59.0,
            "ter_a": 50.0,
            "ter_b": 101.25,
        }
    ],
    by_frequency=[{"occurrences": "1-5", "num_words": 1312, "recall_a": 0.1234, "recall_b": 1.0}],
    sentences=[],
    most_different=[
        Sentence(source="eins", reference="one", a="one", b="won", chrf_a=100.0, chrf_b=33.3),
        Sentence(source="zwei", reference="two", a="to", b="two", chrf_a=40.0, chrf_b=100.0),
    ],
    comet=None,
    verdict=Verdict("a", "A is better: +0.78 BLEU, p = 0.012"),
)


def test_the_report() -> None:
    assert report(COMPARISON).splitlines() == [
        "A           runs/x/model",
        "B           runs/y/model",
        "split       validation, 1,234 sentences, greedy; 412 translated alike",
        "",
        "            A                       B                        A - B  p",
        "BLEU        38.48 (38.50 ± 1.31)    37.70 (37.69 ± 1.25)     +0.78  0.012",
        "TER         48.00 (48.00 ± 2.00)    150.00 (149.90 ± 2.50)  -102.00  0.500"
        "   (less is better)",
        "            in brackets: mean and 95 % interval of 1,000 samples of the sentences",
        "            BLEU nrefs:1|bleu",
        "            TER nrefs:1|ter",
        "",
        "by words of the source, A and B:",
        "      2-8 words: BLEU 40.12  9.50, chrF2 60.00 59.00, TER 50.00 101.25  (1,234)",
        "",
        "words of the references that A and B find, by how often A's training text has them:",
        "      1-5 times:  12.3% 100.0%  (1,312)",
        "",
        "where A is most ahead, by chrF2 of the sentence:",
        "   66.7  source     eins",
        "         reference  one",
        "         A          one",
        "         B          won",
        "",
        "where B is most ahead, by chrF2 of the sentence:",
        "   60.0  source     zwei",
        "         reference  two",
        "         A          to",
        "         B          two",
        "",
        "conclusion  A is better: +0.78 BLEU, p = 0.012",
    ]


def test_what_is_not_there_is_left_out() -> None:
    bare = replace(COMPARISON, by_frequency=None, most_different=[], beam_size=5)
    lines = report(bare).splitlines()
    assert lines[2].endswith("sentences, beam 5; 412 translated alike")
    assert not any("training text" in line or "most ahead" in line for line in lines)
    assert lines[-1] == "conclusion  A is better: +0.78 BLEU, p = 0.012"
    assert "\n\n\n" not in report(bare)


def test_comet_where_it_was_asked_for() -> None:
    scored = replace(COMPARISON, comet=CometScores("owner/judge", 0.81239, 0.8))
    (line,) = (line for line in report(scored).splitlines() if line.startswith("COMET"))
    assert line.split() == ["COMET", "0.8124", "0.8000", "+0.0124", "(owner/judge)"]
