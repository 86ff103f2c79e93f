"""The model card: a trained model's README, written anew with every save."""

from typing import TYPE_CHECKING

from pipeline.languages import targets_of
from pipeline.task import Task

if TYPE_CHECKING:
    from pipeline.model_folder import TrainedModel


_KINDS: dict[Task, str] = {
    "translation": "encoder-decoder for translation",
    "chat": "encoder-decoder for chat",
    "classification": "classifier",
    "language_model": "language model",
    "forecast": "forecaster",
}
_EXAMPLES: dict[Task, list[str]] = {
    "translation": [
        "from pipeline import Translator",
        'Translator.from_pretrained("this/folder")("...")',
    ],
    "chat": [
        "from pipeline import ChatSession",
        'ChatSession.from_pretrained("this/folder").reply("...")',
    ],
    "classification": [
        "from pipeline import Classifier",
        'Classifier.from_pretrained("this/folder")("...")',
    ],
}


def model_card(trained: "TrainedModel") -> str:
    """The text of the model's README: what it is, what it learnt from, what it scored."""
    lines = [
        f"# {trained.name}",
        "",
        f"A recurrent {_KINDS[trained.task]}, trained with seq2seq-pipeline.",
        "",
        *description(trained),
    ]
    if example := _EXAMPLES.get(trained.task):
        targets = targets_of(trained.directions)
        if len(targets) > 1:
            language = f'"...", target_language="{targets[0]}"'
            example = [line.replace('"..."', language) for line in example]
        lines += ["```python", *example, "```"]
    return "\n".join(lines) + "\n"


def description(trained: "TrainedModel") -> list[str]:
    """Lines on what it learnt from and what it scored, with an empty one at the end."""
    data = trained.data
    path = data.get("path", "unknown")
    config = trained.network.config
    num_parameters = sum(parameter.numel() for parameter in trained.network.parameters())
    lines = [
        "| | |",
        "| --- | --- |",
        f"| data | `{path}`, {_columns(trained)} |",
        f"| cell, attention | {config.cell}, {config.attention} |"
        if trained.task in ("translation", "chat")
        else f"| cell | {config.cell} |",
        f"| parameters | {num_parameters:,} |",
        *(f"| vocabulary | {len(tokenizer):,} pieces |" for tokenizer in trained.tokenizers),
        f"| trained by | `{trained.command}` |",
        "",
    ]
    for judged_by, scores in trained.scores.items():
        split, _, direction = judged_by.partition(", ")
        where = f"{split} split, {direction}" if direction else f"{split} split"
        lines += [f"Scores on the {where}:", "", "| score | value |", "| --- | --- |"]
        lines += [f"| {name} | {_shown(value)} |" for name, value in scores.items()]
        lines.append("")
    return lines


def _columns(trained: "TrainedModel") -> str:
    data = trained.data
    if trained.task in ("language_model", "forecast"):
        return str(data.get("target"))
    return data.get("dialogue") or ", ".join(map(str, trained.directions))


def _shown(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|")  # sacreBLEU's signature has bars, which would end the cell
