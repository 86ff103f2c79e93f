"""Drives OpenNMT-py: a training with its own trainer, decoding with its own inference engine."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onmt.train_single
import torch
from onmt.bin.train import train as train_model
from onmt.inference_engine import InferenceEnginePY
from onmt.opts import train_opts, translate_opts
from onmt.utils.parse import ArgumentParser
from sacrebleu import corpus_bleu
from sentencepiece import SentencePieceProcessor

from benchmarks.drivers.measure import TokenClock, Translate, decode, serve


def options(request: dict[str, Any]) -> dict[str, Any]:
    """The configuration file of a training."""
    corpus, folder = Path(request["corpus"]), Path(request["folder"])
    tied = request["embedding_dim"] == request["hidden_size"]
    return {
        "data": {
            name: {
                "path_src": str(corpus / f"{split}.source"),
                "path_tgt": str(corpus / f"{split}.target"),
                "transforms": [],
                "weight": 1,
            }
            for name, split in (("corpus", "train"), ("valid", "validation"))
        },
        "save_data": str(folder / "data"),
        "overwrite": True,
        "src_vocab": str(corpus / "vocabulary.txt"),
        "tgt_vocab": str(corpus / "vocabulary.txt"),
        "share_vocab": True,
        "share_embeddings": True,
        "share_decoder_embeddings": tied,
        "save_model": str(folder / "model"),
        "encoder_type": "brnn",
        "decoder_type": "rnn",
        "rnn_type": "GRU",
        "enc_layers": 1,
        "dec_layers": 1,
        "word_vec_size": request["embedding_dim"],
        "hidden_size": request["hidden_size"],
        "global_attention": "general",
        "input_feed": int(request["input_feeding"]),
        "dropout": [request["dropout"]],
        "label_smoothing": request["label_smoothing"],
        "optim": "adam",
        "adam_beta2": 0.98,
        "learning_rate": request["learning_rate"],
        "max_grad_norm": 1.0,
        "batch_type": "tokens",
        "batch_size": request["batch_tokens"],
        "normalization": "tokens",
        "num_workers": 0,
        "bucket_size": 32_768,  # a small corpus once; by default it is read many times at the start
        "train_steps": 10**9,  # the clock ends it
        "valid_steps": 10**9,
        "save_checkpoint_steps": 0,
        "keep_checkpoint": 1,
        "report_every": 50,
        "seed": request["seed"],
    }


def run_trainer(request: dict[str, Any], drive: Callable[[Any, Any, Any], None]) -> None:
    """Have OpenNMT-py prepare a training, and then drive its trainer.

    Args:
        request: See `options`.
        drive: Is given the trainer, its endless batches and those of validation; where OpenNMT-py
            would have trained, `drive` does. It trains with `train_on`.
    """
    torch.set_num_threads(request["threads"])
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(json.dumps(options(request)))
    build = onmt.train_single.build_trainer

    def build_driven(*words: Any, **named: Any) -> Any:
        trainer = build(*words, **named)
        trainer.train_on = trainer.train

        def train_driven(batches: Any, *_: Any, valid_iter: Any, **__: Any) -> None:
            drive(trainer, batches, valid_iter)

        trainer.train = train_driven
        return trainer

    onmt.train_single.build_trainer = build_driven
    parser = ArgumentParser()
    train_opts(parser)
    train_model(parser.parse_args(["--config", str(config)]))


def train_on(trainer: Any, batches: Iterator[Any]) -> None:
    """Train until there are no more batches, and save the model."""
    trainer.train_on(batches, 0, save_checkpoint_steps=0, valid_iter=None)


def train(request: dict[str, Any]) -> dict[str, Any]:
    """Train on so many tokens, time it, and leave the model in the folder."""
    clock = TokenClock(request["warmup_tokens"], request["max_tokens"])
    answer: dict[str, Any] = {}

    def drive(trainer: Any, batches: Any, validation: Any) -> None:
        pad_id = trainer.train_loss.padding_idx

        def clocked() -> Iterator[Any]:
            for batch, bucket in batches:
                if clock.is_over:
                    break
                labels = batch["tgt"][:, 1:, 0]
                clock.begin_step(int(labels.ne(pad_id).sum()), labels.numel())
                yield batch, bucket
            clock.mark()

        train_on(trainer, clocked())
        answer["loss"] = trainer.validate(validation).xent()
        parameters = {id(each): each.numel() for each in trainer.model.parameters()}
        answer["num_parameters"] = sum(parameters.values())

    run_trainer(request, drive)
    return answer | clock.as_json()


def train_to(request: dict[str, Any]) -> dict[str, Any]:
    """Train until the translations of `sources` reach a BLEU, or for so many seconds.

    Gives the seconds since `started` (as `time.time` has it), None where it did not come to that,
    and the best BLEU.
    """
    answer: dict[str, Any] = {"seconds": None, "best": 0.0}

    def drive(trainer: Any, batches: Any, _: Any) -> None:
        def judged() -> Iterator[Any]:
            for step, batch in enumerate(batches):
                seconds = time.time() - request["started"]
                if step and step % request["validate_every"] == 0:
                    trainer.model_saver.save(step)
                    translate, _ = load(request)
                    texts = translate(request["sources"], batch_size=128, beam_size=1, length=None)
                    bleu = corpus_bleu(texts, [request["references"]]).score
                    seconds = time.time() - request["started"]
                    print(f"{seconds:.0f} s, step {step}, BLEU {bleu:.2f}", file=sys.stderr)
                    answer["best"] = max(answer["best"], bleu)
                    if bleu >= request["bleu"]:
                        answer["seconds"] = seconds
                        return
                if seconds > request["seconds"]:
                    return
                yield batch

        train_on(trainer, judged())

    run_trainer(request, drive)
    return answer


def load(request: dict[str, Any]) -> tuple[Translate, dict[str, Any]]:
    """The translator of the newest model in the folder."""
    torch.set_num_threads(request["threads"])
    tokenizer = SentencePieceProcessor(model_file=request["tokenizer"])
    checkpoints = Path(request["folder"]).glob("model_step_*.pt")
    newest = max(checkpoints, key=lambda path: path.stat().st_mtime)
    parser = ArgumentParser()
    translate_opts(parser)
    words = ["--model", str(newest), "--src", os.devnull, "--output", os.devnull, "--n_best", "1"]
    opt = parser.parse_args([*words, "--batch_type", "sents"])
    ArgumentParser.validate_translate_opts(opt)
    ArgumentParser._get_all_transform_translate(opt)
    engine = InferenceEnginePY(opt)
    translator = engine.translator

    def translate(
        lines: list[str], *, batch_size: int, beam_size: int, length: int | None
    ) -> list[str]:
        opt.batch_size = batch_size
        translator.beam_size = beam_size
        translator.sample_from_topk = int(beam_size == 1)  # its own greedy search
        translator.min_length = length or 0
        translator.max_length = length or 250
        translator.max_length_ratio = 0 if length else 2
        _, found = engine.infer_list([" ".join(map(str, ids)) for ids in tokenizer.encode(lines)])
        ids = [[int(word) for word in best.split() if word.isdigit()] for best, *_ in found]
        texts: list[str] = tokenizer.decode(ids)
        return texts

    return translate, {}


if __name__ == "__main__":
    sys.argv = sys.argv[:1]  # OpenNMT-py reads it too
    serve({"train": train, "train_to": train_to, "decode": lambda request: decode(request, load)})
