"""A trained model on disk: all that inference needs, and nothing that can execute.

config.json          format version, task, sizes, what it was trained on, its scores
model.safetensors    the weights
tokenizer.model      SentencePiece; where the vocabularies are separate, the source's
tokenizer.target.model    only then
README.md            the model card
"""

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import safetensors
import safetensors.torch

from pipeline.errors import ConfigError, ModelError
from pipeline.languages import Direction, directions_of
from pipeline.model_card import model_card
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.config import ModelConfig
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.network import Network
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.runtime.folder import is_exported
from pipeline.sentences import tag_before
from pipeline.task import Task
from pipeline.tokenizer import Tokenizer

FORMAT_VERSION = 1
CONFIG_FILE, WEIGHTS_FILE, CARD_FILE = "config.json", "model.safetensors", "README.md"
_DESCRIPTION = ("task", "name", "command", "data", "scores")
_TOKENIZER_FILES = ("tokenizer.model", "tokenizer.target.model")


@dataclass(frozen=True)
class TrainedModel:
    """A network with its tokenizers and the description of what it was trained on.

    Attributes:
        network: What was trained.
        tokenizers: Of source and target; one where they share it, or where there is no target;
            none where there is no text.
        task: What the network does.
        name: Its run's name.
        command: The command that trained it.
        data: The `data` section of its configuration, as plain values.
        scores: By split, by name: what it scored.
    """

    network: Network
    tokenizers: tuple[Tokenizer, ...]
    task: Task = "translation"
    name: str = "model"
    command: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def model(self) -> Seq2Seq:
        """The network, where it is an encoder-decoder.

        Raises:
            ModelError: It is not.
        """
        if not isinstance(self.network, Seq2Seq):
            raise ModelError(
                f"{self.name}: a model for {self.task}; expected one for translation or chat"
            )
        return self.network

    @property
    def source_tokenizer(self) -> Tokenizer:
        """Text to source ids."""
        return self.tokenizers[0]

    @property
    def target_tokenizer(self) -> Tokenizer:
        """Target ids to text; the same object where the vocabulary is joint."""
        return self.tokenizers[-1]

    @property
    def directions(self) -> list[Direction]:
        """Of a translator: from which language into which, as the columns were called."""
        return directions_of(self.data)

    def tag_ids(self, target_language: str | None = None) -> list[int]:
        """See `tag_before`."""
        return tag_before(self.source_tokenizer, self.directions, target_language, model=self.name)

    @property
    def context_tokens(self) -> int | None:
        """Of a chat model: pieces of a context that it reads; None where it remembers all."""
        return None if self.model.memory else int(self.data["context_tokens"])

    @property
    def labels(self) -> list[str]:
        """What a classifier chooses among."""
        return list(self.data["labels"])


def build_network(
    config: ModelConfig, task: Task, vocab_sizes: Sequence[int], *, num_labels: int = 0
) -> Network:
    """An untrained network.

    Args:
        config: Its sizes and parts.
        task: Its kind.
        vocab_sizes: Pieces of the source's and the target's vocabulary; one where they share it.
        num_labels: For a classifier.

    Raises:
        ConfigError: The sizes do not suit the task.
    """
    match task:
        case "classification":
            return SequenceClassifier(config, vocab_size=vocab_sizes[0], num_labels=num_labels)
        case "language_model":
            return LanguageModel(config, vocab_size=vocab_sizes[0])
        case "forecast":
            return Forecaster(config)
    return Seq2Seq(
        config,
        source_vocab_size=vocab_sizes[0],
        target_vocab_size=vocab_sizes[-1],
        joint_vocabulary=len(vocab_sizes) == 1,
    )


def save_model(trained: TrainedModel, folder: Path) -> None:
    """Write the folder, made when missing; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format_version": FORMAT_VERSION,
        "model": asdict(trained.network.config),
        "joint_vocabulary": len(trained.tokenizers) == 1,
        **{key: getattr(trained, key) for key in _DESCRIPTION},
    }
    weights = {name: tensor.contiguous() for name, tensor in _distinct_weights(trained.network)}
    for file, tokenizer in zip(_TOKENIZER_FILES, trained.tokenizers, strict=False):
        write_whole(folder / file, tokenizer.model_proto)
    write_whole(folder / WEIGHTS_FILE, safetensors.torch.save(weights))
    write_whole(folder / CARD_FILE, model_card(trained).encode())
    write_whole(
        folder / CONFIG_FILE, json.dumps(config, indent=2, ensure_ascii=False).encode() + b"\n"
    )


def load_model(path: str | Path) -> TrainedModel:
    """Load a model folder, or a model on the Hugging Face hub by its name (`owner/name`).

    Raises:
        ModelError: There is no such folder or hub model, a file is missing or damaged, or its
            format is of a later version.
    """
    folder = _find(path)
    config = _read_config(folder / CONFIG_FILE)
    num_tokenizers = 1 if config["joint_vocabulary"] else 2
    files = () if config["task"] == "forecast" else _TOKENIZER_FILES[:num_tokenizers]
    tokenizers = tuple(Tokenizer.load(folder / file) for file in files)
    network = build_network(
        _model_config(folder / CONFIG_FILE, config["model"]),
        config["task"],
        [len(tokenizer) for tokenizer in tokenizers],
        num_labels=len(config["data"].get("labels") or ()),
    )
    _load_weights(network, folder / WEIGHTS_FILE)
    return TrainedModel(
        network=network.eval(),
        tokenizers=tokenizers,
        **{key: config[key] for key in _DESCRIPTION},
    )


def load_ensemble(paths: Sequence[str | Path]) -> list[TrainedModel]:
    """Load several models that can be decoded from together.

    Raises:
        ModelError: See `load_model`; or two of them do not have the same tokenizers.
    """
    models = [load_model(path) for path in paths]
    fingerprints = [[each.fingerprint for each in model.tokenizers] for model in models]
    for path, found in zip(paths, fingerprints, strict=True):
        if found != fingerprints[0]:
            raise ModelError(
                f"{path}: its tokenizers are not those of {paths[0]}; expected models that were "
                "trained on the same corpus with the same data.tokenizer"
            )
    return models


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
    if is_exported(path.parent):
        raise ModelError(
            f"{path.parent}: expected a model folder, found one that was exported to ONNX, "
            "which seq2seq translate and OnnxTranslator read"
        )
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


def _load_weights(model: Network, path: Path) -> None:
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


def _distinct_weights(model: Network) -> list[tuple[str, Any]]:
    # Tied matrices are one parameter, and `named_parameters` names each parameter once.
    named = itertools.chain(model.named_parameters(), model.named_buffers())
    return [(name, tensor.detach()) for name, tensor in named]


def write_whole(path: Path, content: bytes) -> None:
    """Replace the file in one move, so that a reader or a crash never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
