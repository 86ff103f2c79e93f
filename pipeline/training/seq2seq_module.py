"""Encoder-decoders in training: a validation decodes sentences, and scores translations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from pipeline.decoding import LengthLimit, decode_all, greedy_search
from pipeline.metrics import bleu
from pipeline.nn.loss import SummedLoss, frequency_weights
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.text import normalize
from pipeline.tokenizer import Tokenizer
from pipeline.training.accumulation import accumulated
from pipeline.training.config import TrainerConfig
from pipeline.training.minimum_risk import minimum_risk_loss
from pipeline.training.module import TrainingModule

_NUM_SAMPLES = 5
_BATCH_SIZE = 128


@dataclass(frozen=True)
class ValidationText:
    """The sentences that each validation decodes.

    Attributes:
        sources: As text, to be shown.
        source_ids: As the model reads them.
        references: What they should become.
        target_tokenizer: Ids to text.
        limit: How long a hypothesis may become.
        num_directions: Of several languages the pairs of a row stand together, one of each.
    """

    sources: Sequence[str]
    source_ids: Sequence[Sequence[int]]
    references: Sequence[str]
    target_tokenizer: Tokenizer
    limit: LengthLimit
    num_directions: int = 1

    @property
    def sample_rows(self) -> list[int]:
        """The few rows that a validation shows: far apart, since neighbours may be one dialogue.

        Of several directions it shows one after the other.
        """
        num_rows = len(self.sources)
        num_samples = min(_NUM_SAMPLES, num_rows)
        rows = [i * num_rows // num_samples for i in range(num_samples)]
        n = self.num_directions
        return [min(row - row % n + i % n, num_rows - 1) for i, row in enumerate(rows)]


class Seq2SeqModule(TrainingModule[Seq2Seq]):
    """Trains a translator or a chatbot.

    They differ in their data, not here: `judged_by_bleu` says whether a validation decodes all its
    sentences for BLEU, or only the loss counts.

    Args:
        model: The network to train.
        config: How.
        seed: Dropout at a step is a function of the seed and the step.
        validation: What each validation decodes.
        judged_by_bleu: Whether validation computes BLEU.
        token_counts: How often each piece of the target vocabulary is to be predicted in training;
            for `frequency_weighting`.
    """

    def __init__(
        self,
        model: Seq2Seq,
        config: TrainerConfig,
        *,
        seed: int,
        validation: ValidationText,
        judged_by_bleu: bool,
        token_counts: Tensor | None = None,
    ) -> None:
        super().__init__(model, config, seed=seed)
        weights = None
        if token_counts is not None:
            weights = frequency_weights(token_counts, config.frequency_weighting)
        self.label_weights = weights
        self.validation = validation
        self.judged_by_bleu = judged_by_bleu
        self.hypotheses: dict[int, str] = {}  # by row of the validation text

    def objective(self, batch: Any) -> SummedLoss:
        """See `TrainingModule.objective`."""
        if self.config.accumulate == 1:
            return self._objective(batch)
        parameters = list(self.model.parameters())
        return accumulated(self._objective, batch, self.config.accumulate, parameters)

    def _objective(self, batch: Any) -> SummedLoss:
        if self.config.minimum_risk:
            return minimum_risk_loss(
                self.model,
                batch,
                num_samples=self.config.minimum_risk,
                tokenizer=self.validation.target_tokenizer,
                limit=self.validation.limit,
                label_smoothing=self.config.label_smoothing,
            )
        weights = None if self.label_weights is None else self.label_weights.to(self.device)
        return self.model.loss(
            batch,
            label_smoothing=self.config.label_smoothing,
            label_weights=weights,
            r_drop=self.config.r_drop,
        )

    def judge(self) -> dict[str, float]:
        """`val_bleu`, from greedy decoding; for chat nothing but the samples is decoded."""
        text = self.validation
        rows = range(len(text.sources)) if self.judged_by_bleu else text.sample_rows
        self.hypotheses = dict(zip(rows, self._decode(rows), strict=True))
        if not self.judged_by_bleu:
            return {}
        return {"val_bleu": bleu(list(self.hypotheses.values()), text.references).value}

    def shown_scores(self) -> list[str]:
        """See `TrainingModule.shown_scores`."""
        shown = super().shown_scores()
        if "val_bleu" in self.scores:
            shown.append(f"BLEU {self.scores['val_bleu']:.1f}")
        return shown

    def samples(self) -> Iterator[str]:
        """A few sentences, what the network makes of them, and what it should have made."""
        text = self.validation
        for row in text.sample_rows:
            yield f"source     {text.sources[row]}"
            yield f"hypothesis {self.hypotheses[row]}"
            yield f"reference  {text.references[row]}"

    def _decode(self, rows: Sequence[int]) -> list[str]:
        text = self.validation
        self.averaged.eval()
        found = decode_all(
            [text.source_ids[row] for row in rows],
            partial(greedy_search, self.averaged, limit=text.limit, with_log_probs=False),
            batch_size=_BATCH_SIZE,
            device=self.device,
        )
        return [normalize(text.target_tokenizer.decode(hypothesis.ids)) for hypothesis in found]
