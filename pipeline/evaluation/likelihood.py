"""How probable a model finds what should have been written, or might have been."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, collate, collate_sources, rows_by_length
from pipeline.decoding import Ensemble, score_targets
from pipeline.evaluation.reading import ContextReader
from pipeline.nn.decoder import DecoderState
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import PAD_ID

_CHUNK_TOKENS = 256
"""Logits of so many tokens at a time: those of a whole batch would not stay in the cache."""


@torch.inference_mode()
def reference_nats(
    network: Seq2Seq | LanguageModel | ContextReader,
    source_ids: Sequence[Sequence[int]],
    target_ids: Sequence[Sequence[int]],
    *,
    batch_size: int,
    device: str = "cpu",
) -> tuple[float, int]:
    """Nats of all target tokens under teacher forcing, EOS counted, and how many there are."""
    nats, num_tokens = 0.0, 0
    for rows in rows_by_length(target_ids, batch_size):
        batch = collate([source_ids[i] for i in rows], [target_ids[i] for i in rows])
        loss = network.loss(batch.to(torch.device(device)))
        nats += float(loss.nats_sum)
        num_tokens += loss.num_predictions
    return nats, num_tokens


def ensemble_nats(
    models: Sequence[Seq2Seq],
    source_ids: Sequence[Sequence[int]],
    target_ids: Sequence[Sequence[int]],
    *,
    batch_size: int,
    device: str = "cpu",
) -> tuple[float, int]:
    """As `reference_nats`, of the mean of the models' probabilities; step by step, so slower."""
    ensemble = Ensemble(models)
    nats = 0.0
    for rows in rows_by_length(target_ids, batch_size):
        ids, lengths = collate_sources([source_ids[i] for i in rows])
        targets = [target_ids[i] for i in rows]
        nats -= float(score_targets(ensemble, ids.to(device), lengths.to(device), targets).sum())
    return nats, sum(len(ids) + 1 for ids in target_ids)


@torch.inference_mode()
def candidate_log_probs(
    model: Seq2Seq | ContextReader,
    source_ids: Sequence[Sequence[int]],
    target_ids: Sequence[Sequence[int]],
    candidates: Sequence[Sequence[int]],
    *,
    batch_size: int,
    device: str = "cpu",
) -> Tensor:
    """Log-probability in nats, EOS counted, of several targets for each source.

    A source is encoded once, and its state repeated for its candidates.

    Args:
        model: The network.
        source_ids: N sources.
        target_ids: What may be a candidate.
        candidates: For each source the positions in `target_ids` of its candidates, C of them.
        batch_size: Sources encoded, and candidates scored, together.
        device: Where it runs.

    Returns:
        (N, C), on the CPU.
    """
    log_probs = torch.zeros(len(candidates), len(candidates[0]))
    for sources in rows_by_length(source_ids, batch_size):
        ids, lengths = collate_sources([source_ids[i] for i in sources])
        state = model.encode(ids.to(device), lengths.to(device))
        places = [(row, c) for row, i in enumerate(sources) for c in range(len(candidates[i]))]
        targets = [target_ids[candidates[sources[row]][c]] for row, c in places]
        for together in rows_by_length(targets, batch_size):
            rows, columns = zip(*(places[k] for k in together), strict=True)
            # Only the target's half of the batch counts: the sources are encoded already.
            batch = collate([()] * len(together), [targets[k] for k in together])
            chosen = state.select(torch.tensor(rows, device=device))
            found = _log_probs(model, batch.to(torch.device(device)), chosen).cpu()
            log_probs[[sources[row] for row in rows], list(columns)] = found
    return log_probs


def _log_probs(model: Seq2Seq | ContextReader, batch: Seq2SeqBatch, state: DecoderState) -> Tensor:
    """Of each row's labels, (B)."""
    is_real = batch.labels != PAD_ID
    features = model.decoder(batch.decoder_input_ids, state)[is_real].split(_CHUNK_TOKENS)
    labels = batch.labels[is_real].split(_CHUNK_TOKENS)
    nats = torch.cat(
        [
            torch.nn.functional.cross_entropy(model.logits(x).float(), y, reduction="none")
            for x, y in zip(features, labels, strict=True)
        ]
    )
    rows = is_real.nonzero()[:, 0]
    return torch.zeros(len(is_real), device=nats.device).index_add(0, rows, -nats)
