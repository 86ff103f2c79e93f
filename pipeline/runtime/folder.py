"""An exported translator on disk: graphs instead of weights, and how to search with them.

config.json          format version, precision, what it was made from, how long a translation may be
encoder.onnx         from a source to the state before the first token
decoder.onnx         from a state to the tokens that follow
tokenizer.model      SentencePiece; where the vocabularies are separate, the source's
tokenizer.target.model    only then
README.md            what it is and how it was made
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError
from pipeline.languages import Direction, directions_of
from pipeline.tokenizer import Tokenizer

FORMAT = "onnx"
FORMAT_VERSION = 1
CONFIG_FILE, CARD_FILE = "config.json", "README.md"
ENCODER_FILE, DECODER_FILE = "encoder.onnx", "decoder.onnx"
TOKENIZER_FILES = ("tokenizer.model", "tokenizer.target.model")
_KEYS = {
    "name": str,
    "precision": str,
    "joint_vocabulary": bool,
    "data": dict,
    "length_limit": dict,
    "max_source_tokens": int,
    "copies_unknown": bool,
}


@dataclass(frozen=True)
class ExportedFolder:
    """What an exported folder says.

    Attributes:
        path: Where it is.
        name: The run that trained the model.
        precision: `fp32` or `int8`.
        data: What it was trained on.
        tokenizers: Of source and target; one where they share it.
        length_ratio: A translation may have so many tokens for each of the source, EOS counted,
        length_extra: and so many more.
        max_source_tokens: A longer source is cut.
        copies_unknown: Whether UNK may be generated, for something of the source to stand in its
            place.
    """

    path: Path
    name: str
    precision: str
    data: dict[str, Any]
    tokenizers: tuple[Tokenizer, ...]
    length_ratio: float
    length_extra: int
    max_source_tokens: int
    copies_unknown: bool

    @classmethod
    def load(cls, path: str | Path) -> "ExportedFolder":
        """Read all but the graphs.

        Raises:
            ModelError: There is no such folder, it was not exported, a file is missing or damaged,
                or its format is of a later version.
        """
        folder = Path(path)
        config = _read_config(folder / CONFIG_FILE)
        num_tokenizers = 1 if config["joint_vocabulary"] else 2
        limit = config["length_limit"]
        for key in ("ratio", "extra"):
            if not isinstance(limit.get(key), int | float):
                raise ModelError(f"{folder / CONFIG_FILE}: length_limit.{key}: expected a number")
        return cls(
            path=folder,
            name=config["name"],
            precision=config["precision"],
            data=config["data"],
            tokenizers=tuple(
                Tokenizer.load(folder / file) for file in TOKENIZER_FILES[:num_tokenizers]
            ),
            length_ratio=limit["ratio"],
            length_extra=limit["extra"],
            max_source_tokens=config["max_source_tokens"],
            copies_unknown=config["copies_unknown"],
        )

    @property
    def directions(self) -> list[Direction]:
        """From which language into which, as the columns were called."""
        return directions_of(self.data)

    def max_length(self, source_length: int) -> int:
        """How many tokens a translation may have, for a source of so many, EOS counted in both."""
        return int(source_length * self.length_ratio) + self.length_extra


def is_exported(path: str | Path) -> bool:
    """Whether the folder is an exported one, as its config says, damaged or not."""
    try:
        config = json.loads((Path(path) / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("format") == FORMAT


def _read_config(path: Path) -> dict[str, Any]:
    if not is_exported(path.parent):
        raise ModelError(
            f"{path.parent}: expected a folder that seq2seq export wrote, "
            f"which holds a {CONFIG_FILE} of the format {FORMAT}"
        )
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    version = config.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: format_version: expected {FORMAT_VERSION} at most, got {version!r}; "
            "update seq2seq-pipeline"
        )
    for key, kind in _KEYS.items():
        if not isinstance(config.get(key), kind):
            raise ModelError(f"{path}: {key}: expected {kind.__name__}, got {config.get(key)!r}")
    return config
