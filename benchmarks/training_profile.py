"""Where the time of a training step goes, by its parts: milliseconds, and how much is products.

    python -m benchmarks.training_profile [--config FILE] [OPTION OF seq2seq train ...] [--json]

A loop without Lightning runs the steps of a configuration under torch's profiler, and again without
it; the parts are scaled to the time that a step takes without. A part's time is its own: what
stands in another line is not in it. Then the same steps in Lightning, as `seq2seq train` runs them
between two validations; what it takes beyond the loop is the last line. The loop makes each batch
itself, a training has a thread for that.
"""

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import nn
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.speed import machine
from benchmarks.variants import CONFIG
from pipeline.batch import Seq2SeqBatch
from pipeline.cli.train import parse
from pipeline.data.by_step import Position
from pipeline.data.datamodule import TextDataModule, TrainingBatches
from pipeline.nn.attention import Attention
from pipeline.nn.coverage import Coverage
from pipeline.nn.embedding import Embedding
from pipeline.nn.lexical import LexicalPath
from pipeline.nn.seq2seq import Seq2Seq
from pipeline.precision import choose_precision
from pipeline.training.jobs import TextJob
from pipeline.training.seq2seq_module import Seq2SeqModule

_WARMUP_STEPS, _TIMED_STEPS = 5, 25
_BACKWARD = "autograd::engine::evaluate_function: "
_PRODUCTS = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "mkldnn::_linear_pointwise"}
_NODES = {
    "_ChunkedCrossEntropyBackward": "softmax and loss",
    "_GRURecurrenceBackward": "recurrences, backward",
    "_LSTMRecurrenceBackward": "recurrences, backward",
    "EmbeddingBackward0": "embeddings, backward",
    "torch::autograd::AccumulateGrad": "gradients summed",
}
_REST_OF_BACKWARD = "all else, backward"
_REST = "all else"
_LIGHTNING = "Lightning, beyond that"


def parts_of(model: Seq2Seq) -> Iterator[tuple[nn.Module, str]]:
    """The modules whose forward pass is a part of its own."""
    for module in model.modules():
        if isinstance(module, Embedding):
            yield module, "embeddings"
        elif isinstance(module, Attention):
            yield module, "attention"
        elif isinstance(module, LexicalPath):
            yield module, "lexical path"
        elif isinstance(module, Coverage):
            yield module, "coverage"
    yield model.encoder, "encoder"
    for layer in model.decoder.layers:
        yield layer, "decoder's layers"
    yield model.decoder.W_c, "readout"
    if model.decoder.deep_output is not None:
        yield model.decoder.deep_output, "readout"


def label(model: Seq2Seq) -> None:
    """Have the profiler see the parts."""
    for module, name in parts_of(model):
        ranges: list[Any] = []

        def enter(
            _module: nn.Module, _inputs: Any, name: str = name, ranges: list[Any] = ranges
        ) -> None:
            ranges.append(record_function(name).__enter__())

        def leave(_module: nn.Module, _in: Any, _out: Any, ranges: list[Any] = ranges) -> None:
            ranges.pop().__exit__(None, None, None)

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)


class Loop:
    """The steps of a training, without Lightning."""

    def __init__(self, module: Seq2SeqModule, batches: TrainingBatches, *, in_bf16: bool) -> None:
        self._module = module
        self._batches = batches
        self._in_bf16 = in_bf16
        self._optimizer = module.configure_optimizers()
        self.num_tokens = 0

    def run(self, steps: range, named: Callable[[str], AbstractContextManager[Any]]) -> float:
        """Seconds that the steps take; `named` is entered around each part."""
        self.num_tokens = 0
        started = time.perf_counter()
        for step in steps:
            with named("batch"):
                batch = self._batches.batch(step)
                assert isinstance(batch, Seq2SeqBatch)
            self._step(batch, named)
            self.num_tokens += batch.num_tokens
        return time.perf_counter() - started

    def _step(
        self, batch: Seq2SeqBatch, named: Callable[[str], AbstractContextManager[Any]]
    ) -> None:
        module = self._module
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._in_bf16):
            loss = module.objective(batch)
        self._optimizer.zero_grad()
        (loss.objective_sum / loss.num_predictions).backward()
        with named("clipping"):
            module.configure_gradient_clipping(self._optimizer)
        with named("optimizer"):
            self._optimizer.step()
        with named("moving average"), torch.no_grad():
            torch._foreach_lerp_(
                list(module.averaged.parameters()), list(module.model.parameters()), 0.01
            )


def part_of(event: FunctionEvent | None) -> str:
    """The innermost part that the event stands in."""
    while event is not None:
        name = event.name
        if name.startswith(_BACKWARD):
            return _NODES.get(name.removeprefix(_BACKWARD), _REST_OF_BACKWARD)
        if name == "_ChunkedCrossEntropy":
            return "softmax and loss"
        if event.is_user_annotation and not name.startswith(("ProfilerStep", "Optimizer.")):
            return name
        event = event.cpu_parent
    return _REST


def measure(job: TextJob, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds a step of each part, and of the products in it; target tokens a second."""
    torch.set_num_threads(options.threads)
    network = job.network(is_new=True).train()
    assert isinstance(network, Seq2Seq)
    module = job.module(network)
    assert isinstance(module, Seq2SeqModule)
    batches = TrainingBatches(job.corpus, seed=job.config.seed, position=Position())
    in_bf16 = choose_precision(job.config.trainer.precision, device_type="cpu") == torch.bfloat16
    loop = Loop(module, batches, in_bf16=in_bf16)
    timed = range(_WARMUP_STEPS, _WARMUP_STEPS + _TIMED_STEPS)
    loop.run(timed, lambda _name: nullcontext())  # shapes that are new take longer
    seconds = loop.run(timed, lambda _name: nullcontext())
    tokens_per_second = loop.num_tokens / seconds
    in_lightning = lightning_seconds(job, in_bf16=in_bf16)
    label(network)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        profiled = loop.run(timed, record_function)
    scale = seconds / profiled / _TIMED_STEPS / 1000
    times: dict[str, float] = defaultdict(float)
    products: dict[str, float] = defaultdict(float)
    for event in profiler.events():
        part = part_of(event)
        times[part] += event.self_cpu_time_total * scale
        if event.name in _PRODUCTS:
            products[part] += event.self_cpu_time_total * scale
    milliseconds = 1000 * seconds / _TIMED_STEPS
    times[_REST] += milliseconds - sum(times.values())
    times[_LIGHTNING] = 1000 * in_lightning / _TIMED_STEPS - milliseconds
    return {
        "rows": [
            {"name": part, "value": value, "unit": "ms a step", "products": products[part]}
            for part, value in sorted(times.items(), key=lambda item: -item[1])
        ],
        "tokens_per_second": tokens_per_second,
        "precision": "bf16" if in_bf16 else "fp32",
    }


class _Clock(lightning.Callback):
    """When the first timed step begins, and when the last one has ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_start(self, *_arguments: Any) -> None:
        """Look at the time."""
        self.times.append(time.perf_counter())


def lightning_seconds(job: TextJob, *, in_bf16: bool) -> float:
    """Of the timed steps in Lightning, from the start of the first to that of the one after."""
    network = job.network(is_new=True).train()
    clock = _Clock()
    trainer = lightning.Trainer(
        accelerator="cpu",
        precision="bf16-mixed" if in_bf16 else "32-true",
        max_epochs=1,
        max_steps=_WARMUP_STEPS + _TIMED_STEPS + 1,
        limit_val_batches=0,
        logger=False,
        callbacks=[clock],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = job.module(network)
    module.clock.start(0.0)
    trainer.fit(module, datamodule=TextDataModule(job.corpus, seed=job.config.seed))
    return clock.times[_WARMUP_STEPS + _TIMED_STEPS] - clock.times[_WARMUP_STEPS]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default=CONFIG)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    options, words = parser.parse_known_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    with tempfile.TemporaryDirectory() as folder:
        config = parse(["--config", options.config, "--name", "profile", *words])
        found = measure(TextJob(config, Path(folder)), options)
    if options.json:
        print(json.dumps({**found, "machine": machine(options.threads)}))
        return
    total = sum(row["value"] for row in found["rows"])
    print(f"{machine(options.threads)}; {found['precision']}\n")
    print("| part of a step | ms | share | of it products |\n| --- | --- | --- | --- |")
    for row in found["rows"]:
        share, in_products = row["value"] / total, row["products"] / max(row["value"], 1e-9)
        print(f"| {row['name']} | {row['value']:.1f} | {share:.1%} | {in_products:.0%} |")
    print(f"\n{found['tokens_per_second']:,.0f} target tokens/s without Lightning")


if __name__ == "__main__":
    main()
