"""Whether two systems differ by more than the choice of the test sentences would make them."""

from collections.abc import Sequence
from dataclasses import dataclass

import sacrebleu
from sacrebleu.significance import PairedTest, Result

from pipeline.metrics.bleu_protocol import CASED_13A, BleuProtocol


@dataclass(frozen=True)
class Resampled:
    """A system's score, and what becomes of it when the sentences are drawn anew.

    Attributes:
        score: Of the sentences as they are.
        mean: Over the samples.
        interval: Half the width of what holds 95 % of the samples.
    """

    score: float
    mean: float
    interval: float


@dataclass(frozen=True, kw_only=True)
class PairedScore:
    """Two systems' scores by one metric on the same sentences.

    Attributes:
        a: The first system's.
        b: The second's.
        p_value: See `paired_bootstrap`.
        less_is_better: Of TER alone.
        signature: SacreBLEU's, with the number of samples and the seed.
    """

    a: Resampled
    b: Resampled
    p_value: float
    less_is_better: bool
    signature: str

    @property
    def difference(self) -> float:
        """The score of A less that of B."""
        return self.a.score - self.b.score


def paired_bootstrap(
    hypotheses_a: Sequence[str],
    hypotheses_b: Sequence[str],
    references: Sequence[str],
    *,
    protocol: BleuProtocol = CASED_13A,
) -> dict[str, PairedScore]:
    """Paired bootstrap resampling (Koehn 2004) by sacreBLEU, 1,000 samples: bleu, chrf and ter.

    The p-value is sacreBLEU's: the share of the samples in which the absolute difference departs
    from its mean by more than the difference that was found. That is in effect one-sided, so that
    equally good systems get a p-value below x in about 2x of the cases. For a difference of nothing
    sacreBLEU gives the smallest p-value that there is, because it asks for what exceeds the
    difference; here it is 1.

    The samples are the same whenever the seed is, which the environment variable `SACREBLEU_SEED`
    sets (12345 if it does not; `none` draws others each time).

    Args:
        hypotheses_a: The first system's.
        hypotheses_b: The second system's, in the same order.
        references: What is expected.
        protocol: How BLEU is computed.
    """
    test = PairedTest(
        [("a", list(hypotheses_a)), ("b", list(hypotheses_b))],
        {"bleu": protocol.metric(), "chrf": sacrebleu.CHRF(), "ter": sacrebleu.TER()},
        [list(references)],
        test_type="bs",
    )
    signatures, results = test()
    # Its keys are the names of the scores, in the order of the metrics: BLEU, chrF2, TER.
    return {
        name: _paired_score(name, *results[key], signature=str(signatures[key]))
        for name, key in zip(("bleu", "chrf", "ter"), signatures, strict=True)
    }


def _paired_score(name: str, a: str | Result, b: str | Result, *, signature: str) -> PairedScore:
    # The other lists of the results hold names; the p-value stands with the second system.
    assert isinstance(a, Result)
    assert isinstance(b, Result)
    assert b.p_value is not None
    return PairedScore(
        a=_resampled(a),
        b=_resampled(b),
        p_value=1.0 if a.score == b.score else float(b.p_value),
        less_is_better=name == "ter",
        signature=signature,
    )


def _resampled(result: Result) -> Resampled:
    assert result.mean is not None
    assert result.ci is not None
    return Resampled(float(result.score), float(result.mean), float(result.ci))
