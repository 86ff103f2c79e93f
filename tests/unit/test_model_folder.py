import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import safetensors.torch
import torch
from torch import Tensor

from pipeline.batch import collate
from pipeline.errors import ConfigError, ModelError
from pipeline.model_folder import TrainedModel, load_ensemble, load_model, save_model
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer
from tests.building import build_model

FILES = ["README.md", "config.json", "model.safetensors", "tokenizer.model"]


@pytest.fixture(scope="module")
def other_tokenizer() -> Tokenizer:
    sentences = ["Ein Hund läuft über das Gras.", "Zwei Kinder spielen heute im Wasser."]
    return train_tokenizer(sentences, TokenizerConfig(vocab_size=290))


@pytest.fixture
def folder(tiny_translator_folder: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(tiny_translator_folder, tmp_path / "model"))


def trained(source: Tokenizer, target: Tokenizer, *, seed: int = 1, **config: Any) -> TrainedModel:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 8, "embedding_dim": 4, "num_layers": 2, "num_heads": 2}
    model = build_model(ModelConfig(**{**sizes, **config}), source, target)
    return TrainedModel(
        network=model.eval(),
        tokenizers=(source,) if source is target else (source, target),
        name="a name",
        command="seq2seq train --config x.yaml",
        data={"path": ["a.de", "a.en"], "한": None},
        scores={"test": {"bleu": 12.5, "signature": "nrefs:1"}},
    )


def logits(model: TrainedModel) -> Tensor:
    batch = collate([[5, 6, 7], [8]], [[9, 10], [11, 12, 13]])
    with torch.no_grad():
        return model.model.logits(model.model(batch))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def error(path: str | Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def edit_config(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    edit(config)
    path.write_text(json.dumps(config), encoding="utf-8")


def edit_weights(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    edit(weights)
    safetensors.torch.save_file(weights, path)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"tie_embeddings": False},
        {"cell": "elman", "attention": "none", "bidirectional": False},
        {"cell": "gru", "attention": "multi_head", "residual": False},
        {"attention": "additive", "dropout": 0.5},
        {"attention": "general", "num_layers": 1},
    ],
)
@pytest.mark.parametrize("joint", [True, False])
def test_a_loaded_model_gives_identical_logits(
    config: dict[str, Any],
    joint: bool,
    tiny_tokenizer: Tokenizer,
    other_tokenizer: Tokenizer,
    tmp_path: Path,
) -> None:
    target = tiny_tokenizer if joint else other_tokenizer
    saved = trained(tiny_tokenizer, target, **config)
    save_model(saved, tmp_path / "runs" / "x" / "model")
    loaded = load_model(tmp_path / "runs" / "x" / "model")
    assert torch.equal(logits(loaded), logits(saved))
    assert not loaded.model.training
    assert loaded.model.config == saved.model.config
    assert (len(loaded.tokenizers) == 1) == joint
    assert loaded.source_tokenizer.fingerprint == tiny_tokenizer.fingerprint
    assert loaded.target_tokenizer.fingerprint == target.fingerprint


def test_the_description_comes_back(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    saved = replace(trained(tiny_tokenizer, tiny_tokenizer), task="chat")
    save_model(saved, tmp_path)
    loaded = load_model(str(tmp_path))
    for name in ("task", "name", "command", "data", "scores"):
        assert getattr(loaded, name) == getattr(saved, name)


@pytest.mark.parametrize("tie_embeddings", [True, False])
@pytest.mark.parametrize("joint", [True, False])
def test_tied_matrices_are_tied_again_and_stored_once(
    tie_embeddings: bool,
    joint: bool,
    tiny_tokenizer: Tokenizer,
    other_tokenizer: Tokenizer,
    tmp_path: Path,
) -> None:
    target = tiny_tokenizer if joint else other_tokenizer
    save_model(trained(tiny_tokenizer, target, tie_embeddings=tie_embeddings), tmp_path)
    model = load_model(tmp_path).model
    tied = model.output_weight is model.decoder.embedding.weight
    shared = model.encoder.embedding.weight is model.decoder.embedding.weight
    assert (tied, shared) == (tie_embeddings, tie_embeddings and joint)
    stored = safetensors.torch.load_file(tmp_path / "model.safetensors")
    num_stored = sum(tensor.numel() for tensor in stored.values())
    assert num_stored == sum(parameter.numel() for parameter in model.parameters())


def test_the_folder_holds_the_documented_files_alone(
    tiny_tokenizer: Tokenizer, other_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    save_model(trained(tiny_tokenizer, tiny_tokenizer), tmp_path / "joint")
    save_model(trained(tiny_tokenizer, other_tokenizer), tmp_path / "separate")
    assert names(tmp_path / "joint") == FILES
    assert names(tmp_path / "separate") == sorted([*FILES, "tokenizer.target.model"])


def test_nothing_in_the_folder_is_a_pickle_and_none_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in folder.iterdir():
        content = path.read_bytes()
        assert not content.startswith((b"\x80", b"PK"))  # a pickle; torch's archive of pickles
    header_size = int.from_bytes((folder / "model.safetensors").read_bytes()[:8], "little")
    json.loads((folder / "model.safetensors").read_bytes()[8 : 8 + header_size])

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a pickle was read")

    for module, name in (
        (torch, "load"),
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
    ):
        monkeypatch.setattr(module, name, refuse)
    load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.model"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"\x80\x04\xff"])
def test_a_missing_or_damaged_file_is_an_error_that_names_it(
    name: str, content: bytes | None, folder: Path
) -> None:
    if content is None:
        (folder / name).unlink()
        assert name in error(folder)
    elif content == b"" and name == "tokenizer.model":
        # SentencePiece takes it for a model without pieces.
        (folder / name).write_bytes(content)
        assert "tokenizer" in error(folder)
    else:
        (folder / name).write_bytes(content)
        assert str(folder / name) in error(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_weights_cut_short_are_an_error(share: float, folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert str(path) in error(folder)


def test_a_missing_target_tokenizer_is_an_error(
    tiny_tokenizer: Tokenizer, other_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    save_model(trained(tiny_tokenizer, other_tokenizer), tmp_path)
    (tmp_path / "tokenizer.target.model").unlink()
    assert str(tmp_path / "tokenizer.target.model") in error(tmp_path)


def test_a_later_format_version_is_an_error_that_says_what_to_do(folder: Path) -> None:
    edit_config(folder, lambda config: config.update(format_version=2))
    message = error(folder)
    assert str(folder / "config.json") in message
    assert "format version 2 is later than 1" in message
    assert "update" in message


@pytest.mark.parametrize("version", [None, "1", [1]])
def test_no_format_version_is_an_error(version: object, folder: Path) -> None:
    edit_config(folder, lambda config: config.update(format_version=version))
    assert "format_version" in error(folder)


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "{}"])
def test_json_of_something_else_is_an_error(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content, encoding="utf-8")
    assert str(folder / "config.json") in error(folder)


@pytest.mark.parametrize(
    "key", ["model", "joint_vocabulary", "task", "name", "command", "data", "scores"]
)
def test_a_missing_key_is_an_error_that_names_it(key: str, folder: Path) -> None:
    edit_config(folder, lambda config: config.pop(key))
    assert error(folder) == f"{folder / 'config.json'}: the key {key} is missing"


@pytest.mark.parametrize("key", ["cell", "attention", "embedding", "recurrent_init", "memory_bias"])
def test_a_choice_that_there_is_not_is_an_error_that_names_it(key: str, folder: Path) -> None:
    edit_config(folder, lambda config: config["model"].update({key: "transformer"}))
    assert f"model.{key}: 'transformer' is none of " in error(folder)


def test_an_unknown_model_key_is_an_error_that_names_it(folder: Path) -> None:
    edit_config(folder, lambda config: config["model"].update(num_experts=8))
    assert error(folder) == f"{folder / 'config.json'}: unknown key model.num_experts"


def test_an_impossible_model_value_is_an_error_that_names_it(folder: Path) -> None:
    edit_config(folder, lambda config: config["model"].update(hidden_size=0))
    message = error(folder)
    assert message.startswith(f"{folder / 'config.json'}: model.hidden_size")


def test_a_missing_weight_is_an_error_that_names_it(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.pop("output_bias"))
    path = folder / "model.safetensors"
    assert error(folder) == f"{path}: the weight output_bias is missing"


def test_a_weight_too_many_is_an_error_that_names_it(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.update(extra=torch.zeros(1)))
    path = folder / "model.safetensors"
    assert error(folder) == f"{path}: the weight extra is not part of this model"


def test_a_weight_of_the_wrong_shape_is_an_error_that_names_it(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.update(output_bias=torch.zeros(329)))
    path = folder / "model.safetensors"
    expected = f"{path}: the weight output_bias has the shape [329], expected [330]"
    assert error(folder) == expected


def test_weights_of_another_tokenizer_are_an_error(
    folder: Path, other_tokenizer: Tokenizer
) -> None:
    other_tokenizer.save(folder / "tokenizer.model")
    assert "has the shape" in error(folder)


@pytest.mark.parametrize("path", ["no/such/folder", "./nowhere/model", "nowhere", ""])
def test_a_folder_that_is_not_there_is_an_error(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "model folder" in error(path)


def test_a_folder_of_something_else_is_an_error(tmp_path: Path) -> None:
    assert error(tmp_path) == f"{tmp_path}: expected a model folder, which holds config.json"


def test_a_hub_name_is_downloaded_without_what_could_execute(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str]]] = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    loaded = load_model("someone/some-model")
    assert torch.equal(logits(loaded), logits(load_model(folder)))
    assert asked == [("someone/some-model", ["config.json", "*.safetensors", "tokenizer*.model"])]


@pytest.mark.parametrize("failure", [OSError("no network\nand more"), TimeoutError()])
def test_a_hub_that_fails_is_an_error_of_one_line(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def snapshot_download(name: str, **options: object) -> str:
        raise failure

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    message = error("someone/some-model")
    assert message.startswith("someone/some-model: ")
    assert message.endswith(" ".join(str(failure).split()) or type(failure).__name__)


def test_a_local_folder_comes_before_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(name: str, **options: object) -> str:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.chdir(folder.parent.parent)
    load_model(f"{folder.parent.name}/{folder.name}")


@pytest.mark.parametrize("crash_at", range(4))
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_crash_in_a_second_save_leaves_a_folder_that_loads(
    crash_at: int,
    where: str,
    tiny_tokenizer: Tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = trained(tiny_tokenizer, tiny_tokenizer, seed=1)
    second = trained(tiny_tokenizer, tiny_tokenizer, seed=2)
    save_model(first, tmp_path)
    num_calls = 0

    def crash(*arguments: object) -> None:
        nonlocal num_calls
        num_calls += 1
        if num_calls > crash_at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if where == "fsync":
            patch.setattr(os, "fsync", crash)
        else:
            real_replace = Path.replace

            def replace_until_crash(path: Path, target: Path) -> Path:
                crash()
                return real_replace(path, target)

            patch.setattr(Path, "replace", replace_until_crash)
        with pytest.raises(KeyboardInterrupt):
            save_model(second, tmp_path)
    # The tokenizer is written first, then the weights, the card, the config.
    expected = second if crash_at >= 2 else first
    assert torch.equal(logits(load_model(tmp_path)), logits(expected))
    save_model(second, tmp_path)
    assert torch.equal(logits(load_model(tmp_path)), logits(second))
    assert names(tmp_path) == FILES


def test_a_first_save_that_crashes_leaves_nothing_that_loads(
    tiny_tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            save_model(trained(tiny_tokenizer, tiny_tokenizer), tmp_path)
    assert "expected a model folder" in error(tmp_path)


def test_config_json_is_readable_text(tiny_tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_model(trained(tiny_tokenizer, tiny_tokenizer), tmp_path)
    text = (tmp_path / "config.json").read_text(encoding="utf-8")
    assert '"한": null' in text
    assert text.endswith("}\n")
    assert json.loads(text)["format_version"] == 1


def test_the_models_of_an_ensemble_come_in_their_order(
    tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    models = [trained(tiny_tokenizer, tiny_tokenizer, seed=seed) for seed in (1, 2)]
    folders = [tmp_path / "one", tmp_path / "other"]
    for model, folder in zip(models, folders, strict=True):
        save_model(model, folder)
    for model, loaded in zip(models, load_ensemble(folders), strict=True):
        assert torch.equal(logits(loaded), logits(model))


@pytest.mark.parametrize("differs", ["both", "the target's", "joint"])
def test_an_ensemble_shares_its_tokenizers(
    tiny_tokenizer: Tokenizer, other_tokenizer: Tokenizer, tmp_path: Path, differs: str
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    save_model(trained(tiny_tokenizer, other_tokenizer), one)
    tokenizers = {
        "both": (other_tokenizer, tiny_tokenizer),
        "the target's": (tiny_tokenizer, Tokenizer(tiny_tokenizer.model_proto)),
        "joint": (tiny_tokenizer, tiny_tokenizer),
    }
    save_model(trained(*tokenizers[differs]), other)
    message = rf"^{other}: its tokenizers are not those of {one}; expected models that were "
    with pytest.raises(ModelError, match=message):
        load_ensemble([one, one, other])


def test_several_languages_come_back(tiny_multilingual_folder: Path) -> None:
    trained = load_model(tiny_multilingual_folder)
    assert trained.directions == [("en", "de"), ("en", "ko")]
    german, korean = (trained.tag_ids(language) for language in ("de", "ko"))
    assert trained.source_tokenizer.pieces([*german, *korean]) == ["\uffff<2de>", "\uffff<2ko>"]
    with pytest.raises(ConfigError, match="target_language: expected one of de, ko, got none"):
        trained.tag_ids()


def test_a_folder_of_one_language_has_one_direction_and_no_tag(
    tiny_translator_folder: Path,
) -> None:
    trained = load_model(tiny_translator_folder)
    assert trained.directions == [("en", "ko")]
    assert trained.tag_ids() == trained.tag_ids("ko") == []
    assert replace(trained, data={}).directions == [("source", "target")]
