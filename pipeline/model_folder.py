"""A trained model on disk: all that inference needs, and nothing that can execute.

config.json          format version, task, sizes, what it was trained on, its scores
model.safetensors    the weights
tokenizer.model      SentencePiece; where the vocabularies are separate, the source's
tokenizer.target.model    only then
README.md            the model card
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import safetensors
import safetensors.torch

from pipeline.errors import ConfigError, ModelError
from pipeline.model_card import model_card
from pipeline.nn.config import ModelConfig
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.tokenizer import Tokenizer

Task = Literal["translation", "chat"]
FORMAT_VERSION = 1
CONFIG_FILE, WEIGHTS_FILE, CARD_FILE = "config.json", "model.safetensors", "README.md"
_DESCRIPTION = ("task", "name", "command", "data", "scores")
TOKENIZER_FILE, TARGET_TOKENIZER_FILE = "tokenizer.model", "tokenizer.target.model"


@dataclass(frozen=True)
class TrainedModel:
    """A network with its tokenizers and the description of what it was trained on.

    Attributes:
        model: The network.
        source_tokenizer: Text to source ids.
        target_tokenizer: Target ids to text; the same object where the vocabulary is joint.
        task: `translation` or `chat`.
        name: Its run's name.
        command: The command that trained it.
        data: The `data` section of its configuration, as plain values.
        scores: By split, by name: what it scored.
    """

    model: Seq2Seq
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    task: Task = "translation"
    name: str = "model"
    command: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def is_joint(self) -> bool:
        """Whether source and target share a vocabulary."""
        return self.source_tokenizer is self.target_tokenizer


def build_model(
    config: ModelConfig, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer
) -> Seq2Seq:
    """An untrained network for these vocabularies."""
    return Seq2Seq(
        config,
        source_vocab_size=len(source_tokenizer),
        target_vocab_size=len(target_tokenizer),
        joint_vocabulary=source_tokenizer is target_tokenizer,
    )


def save_model(trained: TrainedModel, folder: Path) -> None:
    """Write the folder, made when missing; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format_version": FORMAT_VERSION,
        "model": asdict(trained.model.config),
        "joint_vocabulary": trained.is_joint,
        **{key: getattr(trained, key) for key in _DESCRIPTION},
    }
    weights = {name: tensor.contiguous() for name, tensor in _distinct_weights(trained.model)}
    _write(folder / TOKENIZER_FILE, trained.source_tokenizer.model_proto)
    if not trained.is_joint:
        _write(folder / TARGET_TOKENIZER_FILE, trained.target_tokenizer.model_proto)
    _write(folder / WEIGHTS_FILE, safetensors.torch.save(weights))
    _write(folder / CARD_FILE, model_card(trained).encode())
    _write(folder / CONFIG_FILE, json.dumps(config, indent=2, ensure_ascii=False).encode() + b"\n")


def load_model(path: str | Path) -> TrainedModel:
    """Load a model folder, or a model on the Hugging Face hub by its name (`owner/name`).

    Raises:
        ModelError: There is no such folder or hub model, a file is missing or damaged, or its
            format is of a later version.
    """
    folder = _find(path)
    config = _read_config(folder / CONFIG_FILE)
    source_tokenizer = Tokenizer.load(folder / TOKENIZER_FILE)
    target_tokenizer = (
        source_tokenizer
        if config["joint_vocabulary"]
        else Tokenizer.load(folder / TARGET_TOKENIZER_FILE)
    )
    model = build_model(
        _model_config(folder / CONFIG_FILE, config["model"]), source_tokenizer, target_tokenizer
    )
    _load_weights(model, folder / WEIGHTS_FILE)
    return TrainedModel(
        model=model.eval(),
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        **{key: config[key] for key in _DESCRIPTION},
    )


def _find(path: str | Path) -> Path:
    folder = Path(path)
    if (folder / CONFIG_FILE).is_file():
        return folder
    if folder.exists():
        raise ModelError(f"{folder}: expected a model folder, which holds {CONFIG_FILE}")
    if not _is_hub_name(str(path)):
        raise ModelError(f"{folder}: no such model folder")
    return _download(str(path))


def _is_hub_name(name: str) -> bool:
    owner, separator, model = name.partition("/")
    return bool(owner and separator and model) and "/" not in model and owner not in (".", "..")


def _download(name: str) -> Path:
    # Imported here: a model on disk needs no hub, and the client takes a quarter second to import.
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name, allow_patterns=["config.json", "*.safetensors", "tokenizer*.model"]
            )
        )
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"{name}: no such folder, and not to be had from the hub: {reason}"
        ) from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: expected the JSON of a model folder ({error})") from error
    version = config.get("format_version") if isinstance(config, dict) else None
    if not isinstance(version, int):
        raise ModelError(f"{path}: expected the key format_version, as a model folder has it")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {version} is later than {FORMAT_VERSION}, "
            "the latest that this version reads; update seq2seq-pipeline"
        )
    missing = {"model", "joint_vocabulary", *_DESCRIPTION} - config.keys()
    if missing:
        raise ModelError(f"{path}: the key {sorted(missing)[0]} is missing")
    if config["task"] not in get_args(Task):
        raise ModelError(f"{path}: task: {config['task']!r} is none of {', '.join(get_args(Task))}")
    return dict(config)


def _model_config(path: Path, values: object) -> ModelConfig:
    if not isinstance(values, dict):
        raise ModelError(f"{path}: model: expected a mapping")
    defaults = asdict(ModelConfig())
    for name, value in values.items():
        if name not in defaults:
            raise ModelError(f"{path}: unknown key model.{name}")
        kind = type(defaults[name])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ModelError(f"{path}: model.{name}: expected {kind.__name__}, got {value!r}")
    choices = {each.name: get_args(each.type) for each in fields(ModelConfig)}
    for name, names in choices.items():
        if names and values.get(name, names[0]) not in names:
            raise ModelError(
                f"{path}: model.{name}: {values[name]!r} is none of {', '.join(names)}"
            )
    try:
        return ModelConfig(**values)
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from error


def _load_weights(model: Seq2Seq, path: Path) -> None:
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"{path}: expected safetensors weights ({error})") from error
    expected = dict(_distinct_weights(model))
    for name in sorted(expected.keys() ^ weights.keys()):
        state = "missing" if name in expected else "not part of this model"
        raise ModelError(f"{path}: the weight {name} is {state}")
    for name, tensor in expected.items():
        if tensor.shape != weights[name].shape:
            raise ModelError(
                f"{path}: the weight {name} has the shape {list(weights[name].shape)}, "
                f"expected {list(tensor.shape)}"
            )
        tensor.data.copy_(weights[name])


def _distinct_weights(model: Seq2Seq) -> list[tuple[str, Any]]:
    # Tied matrices are one parameter, and `named_parameters` names each parameter once.
    return [(name, parameter.detach()) for name, parameter in model.named_parameters()]


def _write(path: Path, content: bytes) -> None:
    """Replace the file in one move, so that a reader or a crash never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
