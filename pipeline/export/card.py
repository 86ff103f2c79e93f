"""The README of an exported translator."""

from pipeline.languages import targets_of
from pipeline.model_card import description
from pipeline.model_folder import TrainedModel

_PRECISIONS = {
    "fp32": "float32: the same text as the model that it was made from",
    "int8": "8 bits, quantised dynamically. Here and there another word than the model that it was "
    "made from",
}


def card(trained: TrainedModel, *, precision: str, command: str) -> str:
    """What it is, what it was made from and how."""
    targets = targets_of(trained.directions)
    language = f', target_language="{targets[0]}"' if len(targets) > 1 else ""
    lines = [
        f"# {trained.name}, as ONNX",
        "",
        "A translator for ONNX Runtime, exported by seq2seq-pipeline. It needs no torch.",
        "",
        "| | |",
        "| --- | --- |",
        f"| precision | {_PRECISIONS[precision]} |",
        f"| exported by | `{command}` |",
        "",
        "```python",
        "from pipeline import OnnxTranslator",
        f'OnnxTranslator.from_pretrained("this/folder")("..."{language})',
        "```",
        "",
        "## What it was made from",
        "",
        *description(trained),
    ]
    return "\n".join(lines).rstrip() + "\n"
