from pathlib import Path

import pytest
import torch

from pipeline import Classifier
from pipeline.batch import collate_labelled
from pipeline.errors import ModelError
from pipeline.model_folder import TrainedModel, save_model
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.config import ModelConfig
from pipeline.tokenizer import Tokenizer

_LINES = ["The little dog runs.", "water", "", "Where is the station, please?", "강아지"]


@pytest.fixture
def trained(tiny_tokenizer: Tokenizer) -> TrainedModel:
    torch.manual_seed(2)
    config = ModelConfig(hidden_size=8, embedding_dim=8)
    network = SequenceClassifier(config, vocab_size=len(tiny_tokenizer), num_labels=3)
    return TrainedModel(
        network=network,
        tokenizers=(tiny_tokenizer,),
        task="classification",
        data={"labels": ["a", "b", "c"]},
    )


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_each_line_gets_its_most_probable_label(trained: TrainedModel, batch_size: int) -> None:
    expected = []
    for line in _LINES:
        one = collate_labelled([trained.source_tokenizer.encode(line)], [0])
        network = trained.network.eval()
        assert isinstance(network, SequenceClassifier)
        logits = network(one.source_ids, one.source_lengths)
        expected.append("abc"[int(logits.argmax())] if line else "")
    classifier = Classifier(trained)
    assert classifier.classify(_LINES, batch_size=batch_size) == expected
    assert [classifier(line) for line in _LINES] == expected
    probs = classifier.log_probs(_LINES, batch_size=batch_size).exp().sum(dim=1)
    torch.testing.assert_close(probs, torch.ones(len(_LINES)))


def test_no_lines(trained: TrainedModel) -> None:
    assert Classifier(trained).classify([]) == []


def test_text_is_normalised_and_a_long_line_is_cut(trained: TrainedModel) -> None:
    classifier = Classifier(trained)
    one, other = classifier.log_probs(["  a   dog ", "a dog"])
    torch.testing.assert_close(one, other)
    one, other = classifier.log_probs(["water " * 600, "water " * 600 + "Where is the station?"])
    torch.testing.assert_close(one, other)


def test_from_a_folder(trained: TrainedModel, tmp_path: Path) -> None:
    save_model(trained, tmp_path / "model")
    loaded = Classifier.from_pretrained(tmp_path / "model")
    assert loaded.classify(_LINES) == Classifier(trained).classify(_LINES)


def test_another_model_is_refused(tiny_translator_folder: Path) -> None:
    with pytest.raises(ModelError, match="a model for translation; expected classification"):
        Classifier.from_pretrained(tiny_translator_folder)
