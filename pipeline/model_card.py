"""The model card: a trained model's README, written anew with every save."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.model_folder import TrainedModel


def model_card(trained: "TrainedModel") -> str:
    """The text of the model's README: what it is, what it learnt from, what it scored."""
    data = trained.data
    path = data.get("path", "unknown")
    config = trained.model.config
    num_parameters = sum(parameter.numel() for parameter in trained.model.parameters())
    columns = data.get("dialogue") or f"{data.get('source')} to {data.get('target')}"
    lines = [
        f"# {trained.name}",
        "",
        f"A recurrent encoder-decoder for {trained.task}, trained with seq2seq-pipeline.",
        "",
        "| | |",
        "| --- | --- |",
        f"| data | `{path}`, {columns} |",
        f"| cell, attention | {config.cell}, {config.attention} |",
        f"| parameters | {num_parameters:,} |",
        f"| vocabulary | {len(trained.source_tokenizer):,} pieces |",
        f"| trained by | `{trained.command}` |",
        "",
    ]
    for split, scores in trained.scores.items():
        lines += [f"Scores on the {split} split:", "", "| score | value |", "| --- | --- |"]
        lines += [f"| {name} | {_shown(value)} |" for name, value in scores.items()]
        lines.append("")
    lines += [
        "```python",
        "from pipeline import Translator"
        if trained.task == "translation"
        else "from pipeline import ChatSession",
        'Translator.from_pretrained("this/folder")("...")'
        if trained.task == "translation"
        else 'ChatSession.from_pretrained("this/folder").reply("...")',
        "```",
    ]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|")  # sacreBLEU's signature has bars, which would end the cell
