"""The folder of an exported translator: see `pipeline.runtime.folder` for what is in it."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import onnx

from pipeline.decoding import LengthLimit
from pipeline.errors import ConfigError, ModelError
from pipeline.export.card import card
from pipeline.export.decoder import loop_graph, step_graph
from pipeline.export.encoder import encoder_graph, layer_graphs
from pipeline.export.quantization import quantized
from pipeline.model_folder import TrainedModel, write_whole
from pipeline.nn.prepared import KNOWN_PARTS, unknown_part
from pipeline.runtime.folder import (
    CARD_FILE,
    CONFIG_FILE,
    DECODER_FILE,
    ENCODER_FILE,
    FORMAT,
    FORMAT_VERSION,
    TOKENIZER_FILES,
    is_exported,
)
from pipeline.translator import MAX_SOURCE_TOKENS

ExportPrecision = Literal["fp32", "int8"]


def export_model(
    trained: TrainedModel,
    folder: Path,
    *,
    precision: ExportPrecision = "fp32",
    command: str = "",
) -> None:
    """Write an exported translator; the folder appears whole or not at all.

    Args:
        trained: A translator.
        folder: A new one, an empty one, or one of an earlier export, which is replaced.
        precision: `fp32`, or `int8` for its weights and products.
        command: What the card says that it was made by.

    Raises:
        ModelError: The model is for another task, or has parts that cannot be exported.
        ConfigError: There is something else at `folder`.
    """
    _require_exportable(trained)
    require_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as partial:
        written = Path(partial) / "written"
        written.mkdir()
        _write(trained, written, precision, command)
        if folder.exists():
            folder.rename(Path(partial) / "before")
        written.rename(folder)


def require_free(folder: Path) -> None:
    """Check that nothing but an earlier export would be replaced.

    Raises:
        ConfigError: Something would.
    """
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not is_empty and not is_exported(folder):
        raise ConfigError(
            f"{folder}: expected a new folder or one of an earlier export, found something else"
        )


def _require_exportable(trained: TrainedModel) -> None:
    if trained.task != "translation":
        raise ModelError(f"{trained.name}: a model for {trained.task}; expected translation")
    config = trained.model.config
    if (key := unknown_part(config)) is not None:
        expected = " or ".join(map(str, KNOWN_PARTS[key]))
        raise ModelError(
            f"{trained.name}: model.{key}: expected {expected} for an export, "
            f"got {getattr(config, key)}"
        )


def _as_it_is(graph: onnx.ModelProto) -> onnx.ModelProto:
    return graph


def _write(trained: TrainedModel, folder: Path, precision: ExportPrecision, command: str) -> None:
    has_attention = trained.model.decoder.attention is not None
    copies_unknown = trained.target_tokenizer.has_unknown and has_attention
    finished = quantized if precision == "int8" else _as_it_is
    layers = list(map(finished, layer_graphs(trained.model)))
    encoder = finished(encoder_graph(trained.model, layers))
    step = finished(step_graph(trained.model, allow_unknown=copies_unknown))
    limit = LengthLimit()
    config = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "precision": precision,
        "exported_by": command,
        "length_limit": {"ratio": limit.ratio, "extra": limit.extra},
        "max_source_tokens": MAX_SOURCE_TOKENS,
        "copies_unknown": copies_unknown,
        "joint_vocabulary": len(trained.tokenizers) == 1,
        "name": trained.name,
        "command": trained.command,
        "data": trained.data,
        "model": asdict(trained.model.config),
    }
    for file, tokenizer in zip(TOKENIZER_FILES, trained.tokenizers, strict=False):
        write_whole(folder / file, tokenizer.model_proto)
    write_whole(folder / ENCODER_FILE, encoder.SerializeToString())
    write_whole(folder / DECODER_FILE, loop_graph(step).SerializeToString())
    text = card(trained, precision=precision, command=command)
    write_whole(folder / CARD_FILE, text.encode())
    content = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / CONFIG_FILE, content.encode())
