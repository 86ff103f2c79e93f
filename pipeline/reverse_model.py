"""Translations judged by how well their source can be told from them.

What a beam finds most probable is often short, and what suits many sources. A translator of the
other direction knows better what is left out: of each hypothesis y of a source x the score of the
search, log P(y | x) a token, and w · log P(x | y) a token are added (Li & Jurafsky 2016; a noisy
channel without its language model, Yee et al. 2019).
"""

from collections.abc import Sequence
from typing import Any

import torch

from pipeline.batch import collate_sources, rows_by_length
from pipeline.decoding import Model, score_targets
from pipeline.errors import ConfigError, ModelError
from pipeline.languages import Direction
from pipeline.model_folder import TrainedModel
from pipeline.nn.prepared import ready_to_decode
from pipeline.sentences import Candidate


class ReverseModel:
    """Judges what a translator found.

    Args:
        trained: A translator of the other direction; one of both can judge itself.
        directions: Those of the translator that is judged.
        device: Where it runs.
        dtype: Of its weights and products, as far as it can be prepared.

    Raises:
        ModelError: It is for another task, or translates nothing back.
    """

    def __init__(
        self,
        trained: TrainedModel,
        directions: Sequence[Direction],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        if trained.task != "translation":
            raise ModelError(f"{trained.name}: a model for {trained.task}; expected translation")
        self._trained = trained
        self._judged = directions
        back = [Direction(target, source) for source, target in directions]
        if not set(back) & set(trained.directions):
            raise ModelError(self._refusal(back[0]))
        self._model: Model[Any] = ready_to_decode(trained.model, device=device, dtype=dtype)
        self._device = device

    def require(self, target_language: str) -> Direction:
        """How it translates what is in this language.

        Raises:
            ConfigError: Not at all, or there are several languages that it may come from.
        """
        sources = [source for source, target in self._judged if target == target_language]
        if len(sources) != 1:
            raise ConfigError(
                f"reverse: expected one language to translate back into from {target_language}, "
                f"got {', '.join(sources)}"
            )
        direction = Direction(target_language, sources[0])
        if direction not in self._trained.directions:
            raise ConfigError(self._refusal(direction))
        return direction

    def _refusal(self, expected: Direction) -> str:
        known = ", ".join(map(str, self._trained.directions))
        return f"the reverse model {self._trained.name} translates {known}; expected {expected}"

    def rerank(
        self,
        sources: Sequence[str],
        found: Sequence[Sequence[Candidate]],
        *,
        target_language: str,
        weight: float,
        max_tokens: int,
        batch_size: int,
    ) -> list[list[Candidate]]:
        """The candidates of each source in their new order, the best first, by their new scores.

        Args:
            sources: What was translated.
            found: Of each source what was found, with the scores of the search.
            target_language: In which the candidates are; see `require`.
            weight: w.
            max_tokens: Of a source no more was read, and no more is asked for.
            batch_size: Candidates that are judged together.
        """
        tag_ids = self._trained.tag_ids(self.require(target_language).target)
        encoded = self._trained.target_tokenizer.encode_batch(sources)
        read = [
            tag_ids + self._trained.source_tokenizer.encode(each.text)
            for one in found
            for each in one
        ]
        asked = [ids[:max_tokens] for ids, one in zip(encoded, found, strict=True) for _ in one]
        log_probs = torch.zeros(len(read))
        for rows in rows_by_length(read, batch_size):
            ids, lengths = collate_sources([read[i] for i in rows])
            targets = [asked[i] for i in rows]
            log_probs[rows] = score_targets(
                self._model, ids.to(self._device), lengths.to(self._device), targets
            ).cpu()
        num_tokens = torch.tensor([len(ids) + 1 for ids in asked])
        gains = iter((weight * log_probs / num_tokens).tolist())
        judged = [[each._replace(score=each.score + next(gains)) for each in one] for one in found]
        return [sorted(one, key=lambda each: each.score, reverse=True) for one in judged]
