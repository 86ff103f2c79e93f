"""Drives the project's exported translator (`docs/export.md`): ONNX Runtime, and no torch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.drivers.measure import Translate, decode, serve
from pipeline import OnnxTranslator
from pipeline.runtime.folder import ExportedFolder


def load(request: dict[str, Any]) -> tuple[Translate, dict[str, Any]]:
    """The translator of `folder`, with `options` of `OnnxTranslator`.

    Where a length is asked for, that of `endless`: the same model, which never says EOS.
    """
    options = request["options"]
    translators: dict[int | None, OnnxTranslator] = {
        None: OnnxTranslator.from_pretrained(request["folder"], **options)
    }

    def translate(
        lines: list[str], *, batch_size: int, beam_size: int, length: int | None
    ) -> list[str]:
        if length not in translators:
            assert length is not None
            endless = ExportedFolder.load(Path(request["endless"]))
            pinned = replace(endless, length_ratio=0.0, length_extra=length)
            translators[length] = OnnxTranslator(pinned, **options)
        return translators[length].translate(lines, batch_size=batch_size, beam_size=beam_size)

    return translate, {}


if __name__ == "__main__":
    serve({"decode": lambda request: decode(request, load)})
