"""What matrix products allow: the tokens a second of a training that did nothing else.

A training step of an encoder-decoder is a list of products of known shapes. Each is timed by
itself, in the precision of the training; the sum of their times is the least that a step can take.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

_REPEATS = 7
_BACKWARD_OF_BOTH = 3
"""A product of two activations is made forward, and for the gradient of each of them."""


@dataclass(frozen=True)
class Product:
    """A matrix product (B, M, K) @ (B, K, N), which a training step makes `times` times.

    Attributes:
        num_rows: M.
        inner: K.
        num_columns: N.
        times: One after the other.
        batch: B; 1 is a plain product.
    """

    num_rows: int
    inner: int
    num_columns: int
    times: int = 1
    batch: int = 1

    @property
    def flops(self) -> float:
        """Of all of them, a multiplication and an addition being two."""
        return 2.0 * self.times * self.batch * self.num_rows * self.inner * self.num_columns

    def seconds(self, dtype: torch.dtype) -> float:
        """Measured: of all of them, the least of several, since a limit is what is possible."""
        left = torch.randn(self.batch, self.num_rows, self.inner, dtype=dtype)
        right = torch.randn(self.batch, self.inner, self.num_columns, dtype=dtype)
        if self.batch == 1:
            left, right = left[0], right[0]
        seconds = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            torch.matmul(left, right)
            seconds.append(time.perf_counter() - started)
        return self.times * min(seconds)


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Sizes of an encoder-decoder of one GRU layer each, with attention, and of its batches.

    Attributes:
        embedding_dim: E.
        hidden_size: H; each direction of the encoder has half of it.
        features_dim: What the softmax reads.
        vocab_size: V.
        num_rows: Sentences in a batch.
        source_length: Mean tokens of a source, EOS among them.
        target_length: Mean tokens of a target, EOS among them.
    """

    embedding_dim: int
    hidden_size: int
    features_dim: int
    vocab_size: int
    num_rows: int
    source_length: int
    target_length: int

    @property
    def num_tokens(self) -> int:
        """Target tokens in a batch."""
        return self.num_rows * self.target_length

    def products(self) -> Iterator[Product]:
        """Of one step: forward, backward, no padding, no input feeding."""
        e, h, f = self.embedding_dim, self.hidden_size, self.features_dim
        half = h // 2
        num_rows, s, t = self.num_rows, self.source_length, self.target_length
        for _ in range(2):  # directions
            yield from _linear(num_rows * s, e, 3 * half)
            yield from _recurrent(num_rows, half, 3 * half, steps=s)
        yield from _linear(num_rows, h, h)  # the first state of the decoder
        yield from _linear(num_rows * t, e, 3 * h)
        yield from _recurrent(num_rows, h, 3 * h, steps=t)
        yield from _linear(num_rows * s, h, h)  # keys
        yield Product(t, h, s, times=_BACKWARD_OF_BOTH, batch=num_rows)  # scores
        yield Product(t, s, h, times=_BACKWARD_OF_BOTH, batch=num_rows)  # contexts
        yield from _linear(num_rows * t, 2 * h, f)
        yield from _linear(num_rows * t, f, self.vocab_size)

    def flops_per_token(self) -> float:
        """Of training, for each target token."""
        return sum(product.flops for product in self.products()) / self.num_tokens

    def tokens_per_second(self, dtype: torch.dtype) -> float:
        """The limit: target tokens a second of a training that made these products alone."""
        return self.num_tokens / total_seconds(self.products(), dtype)


def total_seconds(products: Iterable[Product], dtype: torch.dtype) -> float:
    """Measured time of all of them, one after the other."""
    return sum(product.seconds(dtype) for product in products)


def _linear(num_rows: int, size_in: int, size_out: int) -> Iterator[Product]:
    """A linear layer: forward, the gradient of its input, that of its weight."""
    yield Product(num_rows, size_in, size_out)
    yield Product(num_rows, size_out, size_in)
    yield Product(size_in, num_rows, size_out)


def _recurrent(num_rows: int, size_in: int, size_out: int, *, steps: int) -> Iterator[Product]:
    """W_hh: a product a time step, there and back; its own gradient over all steps at once."""
    yield Product(num_rows, size_in, size_out, times=steps)
    yield Product(num_rows, size_out, size_in, times=steps)
    yield Product(size_in, num_rows * steps, size_out)
