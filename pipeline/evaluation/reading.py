"""A model with a memory, judged by many contexts of the same conversations."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, collate_sources, turns_of
from pipeline.nn.decoder import Decoder, DecoderState
from pipeline.nn.loss import SummedLoss, cross_entropy
from pipeline.nn.memory import ConversationState
from pipeline.nn.seq2seq import Seq2Seq

_Turn = tuple[int, ...]
_Turns = tuple[_Turn, ...]


class ContextReader:
    """Gives what the model gives of a context, and reads each turn of all contexts once.

    Contexts of one conversation begin alike. Read from its beginning for each reply, a conversation
    of n turns would cost n² / 2 of them; here the memories after all earlier turns are kept.

    Args:
        model: Has a memory.
        contexts: All that it will be asked for: turns of ids with TURN between them.
        batch_size: Turns that are read together.
    """

    def __init__(
        self, model: Seq2Seq, contexts: Sequence[Sequence[int]], *, batch_size: int
    ) -> None:
        assert model.memory is not None
        self._model = model
        self._memories: dict[_Turns, ConversationState] = {}
        by_length = defaultdict(set)
        for ids in contexts:
            turns = _split(ids)
            for length in range(1, len(turns)):
                by_length[length].add(turns[:length])
        with torch.inference_mode():
            for length in sorted(by_length):
                together = sorted(by_length[length])
                for start in range(0, len(together), batch_size):
                    self._read(together[start : start + batch_size])

    @property
    def decoder(self) -> Decoder:
        """The model's."""
        return self._model.decoder

    def encode(self, source_ids: Tensor, source_lengths: Tensor) -> DecoderState:
        """See `Seq2Seq.encode`."""
        rows = zip(source_ids.tolist(), source_lengths.tolist(), strict=True)
        contexts = [_split(ids[: length - 1]) for ids, length in rows]
        return self._go_on(contexts)

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """See `Seq2Seq.step`."""
        return self._model.step(token_ids, state)

    def logits(self, features: Tensor) -> Tensor:
        """See `Seq2Seq.logits`."""
        return self._model.logits(features)

    def loss(self, batch: Seq2SeqBatch) -> SummedLoss:
        """See `Seq2Seq.loss`."""
        state = self.encode(batch.source_ids, batch.source_lengths)
        features = self._model.decoder(batch.decoder_input_ids, state)
        model = self._model
        return cross_entropy(features, model.output_weight, model.output_bias, batch.labels)

    def _read(self, contexts: Sequence[_Turns]) -> None:
        memory = self._go_on(contexts).memory
        assert memory is not None
        for row, context in enumerate(contexts):
            self._memories[context] = memory.select(torch.tensor([row], device=memory.slots.device))
        self._memories[()] = self._memories[contexts[0]].empty()

    def _go_on(self, contexts: Sequence[_Turns]) -> DecoderState:
        """The state after contexts whose earlier turns have been read."""
        device = self._model.output_bias.device
        ids, lengths = (each.to(device) for each in collate_sources([c[-1] for c in contexts]))
        earlier = [context[:-1] for context in contexts]
        if not any(earlier):
            return self._model.encode(ids, lengths)
        before = ConversationState.join([self._memories[turns] for turns in earlier])
        return self._model.encode(ids, lengths, before)


def _split(ids: Sequence[int]) -> _Turns:
    return tuple(map(tuple, turns_of(ids)))
