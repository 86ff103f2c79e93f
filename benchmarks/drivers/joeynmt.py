"""Drives JoeyNMT: a training with its own `TrainManager`, decoding with its own `predict`."""

import json
from pathlib import Path
from typing import Any

import torch
from joeynmt.config import parse_global_args, set_validation_args
from joeynmt.prediction import predict, prepare
from joeynmt.training import TrainManager
from sentencepiece import SentencePieceProcessor

from benchmarks.drivers.measure import TokenClock, Translate, decode, serve


def options(request: dict[str, Any]) -> dict[str, Any]:
    """Its configuration."""
    corpus, folder = Path(request["corpus"]), Path(request["folder"])
    tied = request["embedding_dim"] == request["hidden_size"]
    side = {
        "voc_file": str(corpus / "vocabulary.txt"),
        "level": "word",
        "max_length": 1000,
    }
    recurrent = {
        "rnn_type": "gru",
        "embeddings": {"embedding_dim": request["embedding_dim"]},
        "num_layers": 1,
        "dropout": request["dropout"],
    }
    return {
        "name": "benchmark",
        "model_dir": str(folder),
        "use_cuda": False,
        "num_workers": 0,
        "random_seed": request["seed"],
        "normalization": "tokens",
        "data": {
            "train": str(corpus / "train"),
            "dev": str(corpus / "validation"),
            "src": {"lang": "source", **side},
            "trg": {"lang": "target", **side},
        },
        "training": {
            "normalization": "tokens",
            "label_smoothing": request["label_smoothing"],
            "optimizer": "adam",
            "adam_betas": [0.9, 0.98],
            "learning_rate": request["learning_rate"],
            "scheduling": "plateau",  # of validations, of which there are none
            "learning_rate_min": 0.0,
            "clip_grad_norm": 1.0,
            "batch_type": "token",
            "batch_size": request["batch_tokens"],
            "epochs": 10**6,
            "validation_freq": 10**9,  # the clock ends it
            "logging_freq": 50,
        },
        "testing": {"batch_size": 64, "batch_type": "sentence"},
        "model": {
            "tied_embeddings": True,
            "tied_softmax": tied,
            "encoder": {
                **recurrent,
                "hidden_size": request["hidden_size"] // 2,
                "bidirectional": True,
            },
            "decoder": {
                **recurrent,
                "type": "recurrent",
                "hidden_size": request["hidden_size"],
                "init_hidden": "bridge",
                "attention": "luong",
                "input_feeding": request["input_feeding"],
            },
        },
    }


def train(request: dict[str, Any]) -> dict[str, Any]:
    """Train on so many tokens, time it, and leave the model in the folder."""
    torch.set_num_threads(request["threads"])
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "request.json").write_text(json.dumps(request))
    args = parse_global_args(options(request), rank=0, mode="train")
    model, train_data, validation, _ = prepare(args, rank=0, mode="train")
    trainer = TrainManager(
        rank=0,
        model=model,
        model_dir=folder,
        device=args.device,
        autocast=args.autocast,
        seed=args.seed,
        train_args=args.train,
        dev_args=set_validation_args(args.test),
    )
    clock = TokenClock(request["warmup_tokens"], request["max_tokens"])
    step = trainer._train_step

    def step_clocked(batch: Any) -> Any:
        clock.begin_step(batch.ntokens, batch.trg.numel())
        if clock.is_over:  # with this step
            trainer.stats.is_max_update = True
        return step(batch)

    trainer._train_step = step_clocked
    save = trainer._save_checkpoint

    def save_unclocked(*words: Any) -> None:
        clock.mark()
        save(*words)

    trainer._save_checkpoint = save_unclocked
    trainer.train_and_validate(train_data, validation)
    parameters = {id(each): each.numel() for each in model.parameters()}
    return clock.as_json() | {
        "loss": validation_loss(model, validation),
        "num_parameters": sum(parameters.values()),
    }


def validation_loss(model: Any, validation: Any) -> float:
    """Nats a token, without label smoothing."""
    model.eval()
    model.loss_function = ("crossentropy", 0.0)
    nats, num_tokens = 0.0, 0
    batches = validation.make_iter(
        batch_size=64, pad_index=model.pad_index, eos_index=model.eos_index
    )
    with torch.no_grad():
        for batch in batches:
            batch.sort_by_src_length()
            loss, *_ = model(return_type="loss", **vars(batch))
            nats += float(loss)
            num_tokens += batch.ntokens
    return nats / num_tokens


def load(request: dict[str, Any]) -> tuple[Translate, dict[str, Any]]:
    """The translator of the newest model in the folder."""
    torch.set_num_threads(request["threads"])
    tokenizer = SentencePieceProcessor(model_file=request["tokenizer"])
    config = options(json.loads((Path(request["folder"]) / "request.json").read_text()))
    args = parse_global_args(config, rank=0, mode="translate")
    model, _, _, stream = prepare(args, rank=0, mode="translate")

    def translate(
        lines: list[str], *, batch_size: int, beam_size: int, length: int | None
    ) -> list[str]:
        stream.cache.clear()
        ids = tokenizer.encode(lines)
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))  # it does not do so itself
        for row in order:
            stream.set_item(" ".join(map(str, ids[row])))
        settings = args.test._replace(
            batch_size=batch_size,
            batch_type="sentence",
            beam_size=beam_size,
            min_output_length=length or 1,
            max_output_length=length or -1,
        )
        _, _, _, found, _, _ = predict(
            model, stream, args.device, n_gpu=0, args=settings, autocast=args.autocast
        )
        texts = [""] * len(lines)
        for row, words in zip(order, found, strict=True):
            texts[row] = tokenizer.decode([int(word) for word in words if word.isdigit()])
        return texts

    return translate, {}


if __name__ == "__main__":
    serve({"train": train, "decode": lambda request: decode(request, load)})
