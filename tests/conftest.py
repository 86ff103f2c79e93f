"""A tokenizer and two untrained models, small enough to be made once for all tests."""

import json
import logging
import signal
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from pipeline.data.config import DataConfig
from pipeline.model_folder import TrainedModel, save_model
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import EOS_ID, Tokenizer, TokenizerConfig, train_tokenizer
from tests.building import build_model

torch.set_num_threads(1)
# A time limit for one example would make a test depend on what else the machine is doing.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
# A shell starts its background jobs with Ctrl-C ignored; tests that send one would wait in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SENTENCES = [
    "The little dog runs over the green grass.",
    "A man in a red shirt is riding a bicycle.",
    "Two children are playing in the water today!",
    "Where is the next railway station, please?",
    "강아지가 풀밭에서 뛰어다녀요.",
    "안녕하세요, 만나서 반갑습니다.",
    "Ein kleiner Hund läuft über das grüne Gras.",
]
_CONFIG = ModelConfig(
    cell="gru", hidden_size=16, embedding_dim=16, num_layers=1, tie_embeddings=False
)


@pytest.fixture(autouse=True)
def _no_handler_of_a_command_before() -> None:
    """A command logs to the stderr of its test, which is closed by the next one."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    return train_tokenizer(_SENTENCES, TokenizerConfig(vocab_size=330, character_coverage=1.0))


@pytest.fixture(scope="session")
def tiny_translator_folder(
    tiny_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("translator") / "model"
    data = {"path": "pairs.tsv", "source": "en", "target": "ko"}
    save_model(_untrained(tiny_tokenizer, "translation", data), folder)
    return folder


@pytest.fixture(scope="session")
def tiny_multilingual_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From English into German and Korean; its corpus stands beside it."""
    root = tmp_path_factory.mktemp("multilingual")
    (root / "corpus").mkdir()
    for split, numbers in (("train", range(20)), ("validation", range(30, 34)), ("test", range(4))):
        rows = [
            {"en": f"Bicycle {n}.", "de": f"Hund {n}.", "ko": f"강아지 {n}." if n != 2 else None}
            for n in numbers
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / "corpus" / f"{split}.jsonl").write_text(text, encoding="utf-8")
    config = TokenizerConfig(vocab_size=330, character_coverage=1.0)
    tokenizer = train_tokenizer(_SENTENCES, config, languages=["de", "ko"])
    data = DataConfig(path=str(root / "corpus"), source="en", target=["de", "ko"])
    save_model(_untrained(tokenizer, "translation", asdict(data)), root / "model")
    return root / "model"


@pytest.fixture(scope="session")
def tiny_chat_folder(tiny_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat") / "model"
    data = {"path": "talk.jsonl", "dialogue": "turns", "context_tokens": 24}
    save_model(_untrained(tiny_tokenizer, "chat", data), folder)
    return folder


def _untrained(tokenizer: Tokenizer, task: str, data: Mapping[str, object]) -> TrainedModel:
    torch.manual_seed(3)
    model = build_model(_CONFIG, tokenizer, tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)  # so that what it says depends on what it reads
        model.output_bias[EOS_ID] = 5.0  # so that it comes to an end
    assert task in ("translation", "chat")
    return TrainedModel(
        network=model.eval(),
        tokenizers=(tokenizer,),
        task="chat" if task == "chat" else "translation",
        name=f"tiny-{task}",
        command=f"seq2seq train --config configs/tiny-{task}.yaml",
        data=data,
        scores={"test": {"bleu": 12.3456, "num_sentences": 7}},
    )
