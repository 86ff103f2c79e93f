"""Drives the project itself, in a process of its own as the peers are."""

import pipeline.cli.main  # noqa: F401  # sets how threads wait, as every command does

# isort: split
from pathlib import Path
from typing import Any

import torch

from benchmarks.drivers.measure import Translate, decode, serve
from pipeline import Translator
from pipeline.decoding import LengthLimit, SearchSettings
from pipeline.model_folder import TrainedModel, load_model
from pipeline.tokenizer import EOS_ID

_NEVER = -1e4  # logit of a token that does not come


def without_end(trained: TrainedModel) -> TrainedModel:
    """The same model, which never says EOS from now on."""
    with torch.no_grad():
        trained.model.output_bias[EOS_ID] = _NEVER
    return trained


class PinnedTranslator(Translator):
    """A translator whose outputs all have the same length in tokens, and no end."""

    def __init__(self, trained: TrainedModel, length: int, **options: Any) -> None:
        super().__init__(without_end(trained), **options)
        self._limit = LengthLimit(ratio=0.0, extra=length)

    def _search_options(self, settings: SearchSettings) -> dict[str, Any]:
        return {**super()._search_options(settings), "limit": self._limit}


def load(request: dict[str, Any]) -> tuple[Translate, dict[str, Any]]:
    """The translator of the model folder, with `options` of `Translator`, and its size."""
    torch.set_num_threads(request["threads"])
    folder, options = Path(request["folder"]), request["options"]
    translators: dict[int | None, Translator] = {
        None: Translator.from_pretrained(folder, **options)
    }

    def translate(
        lines: list[str], *, batch_size: int, beam_size: int, length: int | None
    ) -> list[str]:
        if length not in translators:
            assert length is not None
            translators[length] = PinnedTranslator(load_model(folder), length, **options)
        return translators[length].translate(lines, batch_size=batch_size, beam_size=beam_size)

    network = load_model(folder).model
    return translate, {"num_parameters": sum(each.numel() for each in network.parameters())}


if __name__ == "__main__":
    serve({"decode": lambda request: decode(request, load)})
