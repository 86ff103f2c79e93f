"""One model from several that began with the same one: the mean of their weights.

Of weights that training has moved from the same place, what lies between is often better, and
costs no more than one model (Izmailov et al. 2018; Wortsman et al. 2022). Of models that began
with other random weights it is worth nothing: the same unit does another thing in each of them.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.model_folder import TrainedModel, load_ensemble
from pipeline.nn.network import Network

_LEAST_COSINE = 0.5
"""Between their weights; models of different seeds have 0.06, those that went on 0.97 to 1.0."""


def average_models(folders: Sequence[str], *, name: str, command: str) -> TrainedModel:
    """A model with the mean of all the weights, and in all else the first; nothing has scored it.

    Args:
        folders: Of models with the same tokenizers; one that is named twice counts twice.
        name: Of the new model.
        command: What made it.

    Raises:
        ModelError: See `load_ensemble`; or one is of another kind or size than the first, or did
            not begin with the same model.
    """
    models = load_ensemble(folders)
    first = models[0]
    for folder, other in zip(folders, models, strict=True):
        if (other.task, _sizes(other.network)) != (first.task, _sizes(first.network)):
            raise ModelError(f"{folder}: expected a model of the kind and sizes of {folders[0]}")
        cosine = float(torch.cosine_similarity(_flat(first.network), _flat(other.network), dim=0))
        if cosine < _LEAST_COSINE:
            raise ModelError(
                f"{folder}: expected a model that began with the same one as {folders[0]}, or with "
                f"that (trainer.begin_with); the cosine of their weights is {cosine:.2f}. Models "
                "of different seeds can be an ensemble (--ensemble), and have no mean"
            )
    network = copy.deepcopy(first.network)
    parameters = [each.network.parameters() for each in models]
    with torch.no_grad():
        for mean, *weights in zip(network.parameters(), *parameters, strict=True):
            mean.copy_(torch.stack(weights).mean(dim=0))
    return replace(first, network=network, name=name, command=command, scores={})


def _sizes(network: Network) -> list[tuple[str, torch.Size]]:
    return [(name, parameter.shape) for name, parameter in network.named_parameters()]


def _flat(network: Network) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
