"""Minimum risk training: a translator learns from what it says itself, by how good that is.

Cross-entropy asks for the next token of a reference after the reference's own tokens; a
translation is judged as a whole, and what follows a token of the model's own is never seen. Here
translations are drawn from the model, and those better than the others of the same sentence become
more probable, the worse less (Ranzato et al. 2016; Shen et al. 2016).
"""

from dataclasses import replace

import torch
from torch import Tensor

from pipeline.batch import Seq2SeqBatch, collate
from pipeline.decoding import LengthLimit, Sampler, greedy_search
from pipeline.metrics import sentence_bleu
from pipeline.nn.loss import SummedLoss, cross_entropy
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.text import normalize
from pipeline.tokenizer import EOS_ID, Tokenizer

_CROSS_ENTROPY_SHARE = 0.3
"""Of the objective: it keeps the model a model of the references (Edunov et al. 2018)."""

_BLEU_SCALE = 0.1
"""BLEU counts 0 to 10 in the objective, beside a few nats a token."""


def minimum_risk_loss(
    model: Seq2Seq,
    batch: Seq2SeqBatch,
    *,
    num_samples: int,
    tokenizer: Tokenizer,
    limit: LengthLimit,
    label_smoothing: float,
) -> SummedLoss:
    """The expected BLEU of a translation, negative, beside the cross-entropy of the references.

    The gradient of the expectation is that of REINFORCE (Williams 1992) with the mean of the other
    samples of a sentence as the baseline (Kool et al. 2019). A sample that reached its limit counts
    as one that ends there. The plain nats are the references'.

    Args:
        model: In training; the samples are drawn without dropout.
        batch: Sources and references.
        num_samples: Translations of each source, at least two.
        tokenizer: Ids of the target to text.
        limit: How long a sample may become.
        label_smoothing: Of the cross-entropy.
    """
    repeated = batch.select(torch.arange(len(batch.labels)).repeat_interleave(num_samples))
    drawn = _with_targets(repeated, _draw(model, repeated, limit))
    texts, references = (_texts(each.labels, tokenizer) for each in (drawn, repeated))
    rewards = torch.tensor(sentence_bleu(texts, references)) * _BLEU_SCALE
    advantages = better_than_others(rewards.unflatten(0, (-1, num_samples))).flatten()
    policy = cross_entropy(
        model(drawn),
        model.output_weight,
        model.output_bias,
        drawn.labels,
        token_weights=advantages.to(drawn.labels.device).unsqueeze(1).expand(drawn.labels.shape),
    )
    likelihood = model.loss(batch, label_smoothing=label_smoothing)
    num_tokens = likelihood.num_predictions
    risk = policy.objective_sum * (num_tokens / policy.num_predictions)
    objective = (1 - _CROSS_ENTROPY_SHARE) * risk + _CROSS_ENTROPY_SHARE * likelihood.objective_sum
    return likelihood._replace(objective_sum=objective)


def better_than_others(rewards: Tensor) -> Tensor:
    """By how much each of N samples (B, N) is better than the mean of the others of its row."""
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    return rewards - others


@torch.no_grad()
def _draw(model: Seq2Seq, batch: Seq2SeqBatch, limit: LengthLimit) -> list[list[int]]:
    model.eval()
    drawn = greedy_search(
        model, batch.source_ids, batch.source_lengths, limit=limit, choose=Sampler()
    )
    model.train()
    return [hypothesis.ids for hypothesis in drawn]


def _with_targets(batch: Seq2SeqBatch, targets: list[list[int]]) -> Seq2SeqBatch:
    other = collate([[]] * len(targets), targets).to(batch.labels.device)
    return replace(batch, decoder_input_ids=other.decoder_input_ids, labels=other.labels)


def _texts(labels: Tensor, tokenizer: Tokenizer) -> list[str]:
    sentences = [ids[: ids.index(EOS_ID)] for ids in labels.tolist()]
    return [normalize(tokenizer.decode(ids)) for ids in sentences]
