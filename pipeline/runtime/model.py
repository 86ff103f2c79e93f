"""The exported graphs as a model to search with.

Shape letters: B sentences, S source length, T steps, K beams, H hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigError, ModelError
from pipeline.ragged import Ragged
from pipeline.runtime.folder import DECODER_FILE, ENCODER_FILE, ExportedFolder

try:
    import onnxruntime
except ModuleNotFoundError as error:
    raise ConfigError(
        'an exported translator needs onnxruntime: pip install "seq2seq-pipeline[onnx]"'
    ) from error

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class DecoderState:
    """What the next step needs, by the names that the graphs have for it.

    Attributes:
        changing: Of each beam what a step changes: (B, K, ...).
        source: What attention looks at, once for all beams of a sentence: (B, ...).
    """

    changing: dict[str, Floats]
    source: dict[str, Floats]

    def select(self, sentences: Ints) -> "DecoderState":
        """The state of these sentences, in this order."""
        return DecoderState(
            {name: part[sentences] for name, part in self.changing.items()},
            {name: part[sentences] for name, part in self.source.items()},
        )

    def reorder(self, beams: Ints) -> "DecoderState":
        """The state of these beams (B, K) of each sentence, in this order; each may come again."""
        sentences = np.arange(len(beams))[:, None]
        changing = {name: part[sentences, beams] for name, part in self.changing.items()}
        return replace(self, changing=changing)


class Steps(NamedTuple):
    """What the decoder found in one step or several.

    Attributes:
        ids: The most probable tokens, the most probable first: (T, B, K, best).
        log_probs: Theirs, in nats: (T, B, K, best).
        attention: Where it looked: (T, B, K, S); None without attention.
    """

    ids: Ints
    log_probs: Floats
    attention: Floats | None


class OnnxModel:
    """The encoder and the decoder of an exported folder.

    Args:
        folder: What it says.
        num_threads: Of a matrix product; None lets ONNX Runtime take all cores.

    Raises:
        ModelError: A graph is missing or damaged.
    """

    def __init__(self, folder: ExportedFolder, *, num_threads: int | None = None) -> None:
        self._encoder = _load(folder.path / ENCODER_FILE, num_threads)
        self._decoder = _load(folder.path / DECODER_FILE, num_threads)
        self._vocab_size = len(folder.tokenizers[-1])
        self._encoded = [output.name for output in self._encoder.get_outputs()]
        self._found = [output.name for output in self._decoder.get_outputs()]

    def encode(self, source_ids: Ints, source_lengths: Ints) -> DecoderState:
        """The state before the first token, of one beam, for ids (B, S) and lengths (B)."""
        inputs = {"source_ids": source_ids, "source_lengths": source_lengths.astype(np.int32)}
        found = dict(zip(self._encoded, self._encoder.run(None, inputs), strict=True))
        changing = {name: found.pop(name) for name in self._encoded if name.startswith("state_")}
        return DecoderState(changing, found)

    def generate(
        self, token_ids: Ints, state: DecoderState, *, num_left: Ints, until_open: int
    ) -> tuple[Steps, DecoderState]:
        """Go on with the most probable token until no more than so many rows are open.

        Args:
            token_ids: The last token of each row (B, 1).
            state: What was before it.
            num_left: How many tokens a row may still get (B): it is open until it has them, or EOS.
            until_open: See above. There is one step at least.
        """
        return self._run(token_ids, state, num_left=num_left, until_open=until_open, num_best=1)

    def step(
        self, token_ids: Ints, state: DecoderState, *, num_best: int
    ) -> tuple[Steps, DecoderState]:
        """One step, after `token_ids` (B, K); at most as many of the best as there are pieces."""
        return self._run(
            token_ids,
            state,
            num_left=np.ones(len(token_ids), np.int64),
            until_open=token_ids.size,
            num_best=min(num_best, self._vocab_size),
        )

    def _run(
        self,
        token_ids: Ints,
        state: DecoderState,
        *,
        num_left: Ints,
        until_open: int,
        num_best: int,
    ) -> tuple[Steps, DecoderState]:
        inputs = {
            "token_ids": token_ids,
            "num_left": num_left[:, None],
            "until_open": np.array(until_open),
            "num_best": np.array([num_best]),
            **state.changing,
            **state.source,
        }
        found = dict(zip(self._found, self._decoder.run(None, inputs), strict=True))
        changing = {name: found[f"next_{name}"] for name in state.changing}
        steps = Steps(found["ids"], found["log_probs"], found.get("attention"))
        return steps, replace(state, changing=changing)


def collate_sources(sources: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """As that of `pipeline.batch`: ids (B, S), each row closed with EOS, and their lengths (B)."""
    rows = Ragged.of(sources)
    return rows.before_eos(), rows.lengths + 1


def _load(path: Path, num_threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0
    options.log_severity_level = 3  # errors; what they say comes with the exception
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own classes, which say which kind of file it is not
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: expected an ONNX graph ({reason})") from error
