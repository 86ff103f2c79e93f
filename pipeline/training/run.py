"""A run: `runs/NAME` from its configuration to its model, in as many sessions as it takes."""

import json
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from rich.console import Console

from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError
from pipeline.model_folder import TrainedModel, save_model
from pipeline.nn.network import Network
from pipeline.precision import choose_precision
from pipeline.training.callbacks import (
    BestModel,
    Checkpoints,
    MetricsSession,
    ReturnMemory,
    ValidationLines,
)
from pipeline.training.checkpoint import AtomicCheckpointIO, list_checkpoints
from pipeline.training.config import RunConfig
from pipeline.training.jobs import Job, prepare_job
from pipeline.training.metrics_file import MetricsFile
from pipeline.training.module import TrainingModule
from pipeline.training.processes import is_first, share_cores
from pipeline.training.progress_bar import TrainingProgress

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """The folder of a run.

    Attributes:
        folder: `runs/NAME`.
    """

    folder: Path

    @property
    def model(self) -> Path:
        """The model folder: the best model so far."""
        return self.folder / "model"

    @property
    def config(self) -> Path:
        """All that was in force."""
        return self.folder / "config.yaml"

    @property
    def metrics(self) -> Path:
        """What training measured."""
        return self.folder / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        """Private to training."""
        return self.folder / "checkpoints"

    @property
    def finished(self) -> Path:
        """Written at the end of training; holds what the training came to."""
        return self.checkpoints / "finished.json"


def train(config: RunConfig, run: Run, *, command: str, console: Console) -> bool:
    """Train, or go on where the last session stopped.

    Args:
        config: What the run is.
        run: Its folder.
        command: What the user typed, for the model card.
        console: Where progress is shown.

    Returns:
        Whether anything was trained: False if the run had finished before.

    Raises:
        ConfigError: The folder holds a run with other settings.
        DataError: The corpus cannot be used.
    """
    _refuse_other_settings(config, run)
    if run.finished.is_file():
        return False
    job = prepare_job(config, run.checkpoints)
    if is_first():  # not before: a mistake in the data may be mended under this name
        _write_config(config, run)
    lightning.seed_everything(config.seed, verbose=False)
    checkpoints = list_checkpoints(run.checkpoints)
    network = job.network(is_new=not checkpoints)
    module = job.module(network)
    metrics = MetricsFile(run.metrics)
    best = _best_model(run, job, module, command)
    trainer = _trainer(config, run, metrics, best, console)
    _announce(network, trainer, checkpoints)
    try:
        trainer.fit(
            module,
            datamodule=job.data_module(),
            ckpt_path=checkpoints[-1] if checkpoints else None,
            weights_only=True,
        )
    except SystemExit as stop:  # how Lightning ends after Ctrl-C, which it goes on to ignore
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from stop
    summary = {
        "steps": trainer.global_step,
        "seconds": round(module.clock.seconds, 1),
        "tokens": module.num_tokens_trained,
        "best": best.best,
    }
    if trainer.is_global_zero:
        run.finished.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    seconds, num_steps = config.trainer.max_seconds, config.trainer.max_steps
    if seconds is not None and module.clock.seconds >= seconds and trainer.global_step < num_steps:
        _log.info(
            "ended by trainer.max_time %s, at step %s of %s",
            config.trainer.max_time,
            f"{trainer.global_step:,}",
            f"{num_steps:,}",
        )
    return True


def _refuse_other_settings(config: RunConfig, run: Run) -> None:
    if not run.config.is_file():
        # What an attempt left that did not get as far as training, perhaps with other settings.
        for leftover in run.checkpoints.glob("*"):
            leftover.unlink()
        return
    # A key that is missing there is younger than the run, which did as the default says.
    defaults = RunConfig(data=DataConfig(path="-"), name="-").as_dict()
    found = _completed(yaml.safe_load(run.config.read_text(encoding="utf-8")), defaults)
    for key, (there, here) in _differences(found, config.as_dict()).items():
        raise ConfigError(
            f"{run.folder} holds a run with {key}: {there}, and now it is {here}; "
            "give this one another --name, or delete that folder"
        )


def _write_config(config: RunConfig, run: Run) -> None:
    text = yaml.safe_dump(config.as_dict(), sort_keys=False, allow_unicode=True)
    run.folder.mkdir(parents=True, exist_ok=True)
    partial = run.config.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(run.config)


def _completed(found: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    completed = {**defaults, **found}
    for key, value in defaults.items():
        if isinstance(value, Mapping) and isinstance(completed[key], Mapping):
            completed[key] = _completed(completed[key], value)
    return completed


def _differences(
    found: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    differences: dict[str, tuple[Any, Any]] = {}
    for key in [*found, *(key for key in wanted if key not in found)]:
        there, here = found.get(key), wanted.get(key)
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            differences |= _differences(there, here, f"{prefix}{key}.")
        elif there != here:
            differences[f"{prefix}{key}"] = (there, here)
    return differences


def _best_model(run: Run, job: Job, module: TrainingModule[Network], command: str) -> BestModel:
    def save(step: int, scores: dict[str, float]) -> None:
        trained = TrainedModel(
            network=module.averaged,
            tokenizers=job.tokenizers,
            task=job.task,
            name=job.config.name,
            command=command,
            data=job.data_as_dict(),
            scores={"validation": {"step": step, **scores}},
        )
        save_model(trained, run.model)

    return BestModel(save, patience=job.config.trainer.patience)


def _trainer(
    config: RunConfig, run: Run, metrics: MetricsFile, best: BestModel, console: Console
) -> lightning.Trainer:
    accelerator = _accelerator(config.trainer.accelerator)
    if accelerator == "cpu":
        share_cores(config.trainer.devices)
    dtype = choose_precision(config.trainer.precision, device_type=accelerator)
    return lightning.Trainer(
        accelerator=accelerator,
        devices=config.trainer.devices,
        precision="bf16-mixed" if dtype == torch.bfloat16 else "32-true",
        max_epochs=1,  # the batches never end: the steps do
        max_steps=config.trainer.max_steps,
        val_check_interval=config.trainer.validate_every,
        check_val_every_n_epoch=None,
        # Of a model that was trained before, all of it: training may make it worse.
        num_sanity_val_steps=-1 if config.trainer.begin_with else 0,
        logger=[metrics, *_tensorboard(run)] if is_first() else False,
        callbacks=[
            *([MetricsSession(metrics)] if is_first() else []),
            TrainingProgress(console),
            ReturnMemory(),
            ValidationLines(),
            best,
            Checkpoints(run.checkpoints),
        ],
        plugins=[AtomicCheckpointIO()],
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=run.folder,
    )


def _accelerator(name: str) -> str:
    """The accelerator's own name for `auto`."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _tensorboard(run: Run) -> list[Logger]:
    try:
        return [TensorBoardLogger(run.folder, name="", version="tensorboard")]
    except ModuleNotFoundError:
        return []  # of the extra `insight`; `metrics.csv` holds the same numbers


def _announce(network: Network, trainer: lightning.Trainer, checkpoints: list[Path]) -> None:
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    _log.info(
        "%s parameters | %s | %s",
        f"{num_parameters:,}",
        trainer.strategy.root_device.type,
        trainer.precision,
    )
    if checkpoints:
        _log.info("going on from %s", checkpoints[-1])
