"""Embeddings that begin as Word2Vec vectors of the training split's pieces."""

import math
from collections.abc import Iterator

import datasets
import torch
from torch import Tensor

from pipeline.data.prepare import PreparedCorpus
from pipeline.errors import ConfigError
from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.embedding import Embedding
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.seq2seq import Seq2Seq

_WINDOW = 5
_NUM_EPOCHS = 5
_PAIRS_AT_A_TIME = 1_000


def begin_with_word2vec(
    network: Seq2Seq | SequenceClassifier | LanguageModel, corpus: PreparedCorpus, *, seed: int
) -> None:
    """Train skip-gram vectors (Mikolov et al. 2013) and put them in the place of the random ones.

    Raises:
        ConfigError: gensim is not installed.
    """
    source = network.encoder.embedding
    columns = {source: ["source_ids"]}
    if isinstance(network, Seq2Seq):
        columns.setdefault(network.decoder.embedding, []).append("target_ids")
    for embedding, names in columns.items():
        assert isinstance(embedding, Embedding)
        with torch.no_grad():
            for piece_id, vector in _vectors(
                _Sentences(corpus.train, names), embedding.embedding_dim, seed
            ):
                embedding.weight[piece_id] = vector


class _Sentences:
    """Sentences of piece ids as words; gensim reads them several times."""

    def __init__(self, pairs: datasets.Dataset, columns: list[str]) -> None:
        self._pairs = pairs
        self._columns = columns

    def __iter__(self) -> Iterator[list[str]]:
        for batch in self._pairs.iter(batch_size=_PAIRS_AT_A_TIME):
            for column in self._columns:
                for ids in batch[column]:
                    yield [str(piece_id) for piece_id in ids]


def _vectors(sentences: _Sentences, size: int, seed: int) -> Iterator[tuple[int, Tensor]]:
    """The id and the vector of each piece, as large as those of `Embedding` are."""
    try:
        from gensim.models import Word2Vec
    except ModuleNotFoundError as error:
        raise ConfigError(
            'model.embedding: word2vec needs gensim: pip install "seq2seq-pipeline[word2vec]"'
        ) from error
    trained = Word2Vec(
        sentences,
        vector_size=size,
        window=_WINDOW,
        min_count=1,
        sg=1,
        epochs=_NUM_EPOCHS,
        seed=seed,
        workers=1,  # several would draw in another order each time
    ).wv
    scale = 1 / (math.sqrt(size) * float(trained.vectors.std()))
    for word in trained.index_to_key:
        yield int(word), torch.tensor(trained[word]) * scale
