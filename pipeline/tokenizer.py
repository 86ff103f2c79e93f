"""SentencePiece: train, load, encode, decode. Knows nothing of corpora, batches or models."""

import hashlib
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import sentencepiece

from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.text import replace_surrogates

PAD_ID, UNK_ID, BOS_ID, EOS_ID, TURN_ID = 0, 1, 2, 3, 4
TURN = "<turn>"
"""Stands between the turns of a conversation in the source of a chat model."""

_MAX_SENTENCE_BYTES = 16_384
_LARGEST_SIZE = re.compile(r"value <= (\d+)")
_SMALLEST_SIZE = re.compile(r"required_chars\. \d+ vs (\d+)")
# SentencePiece writes a space as U+2581, so that character itself would come back as a space. It
# is spelt with a noncharacter before a digit, and so is the noncharacter.
_ESCAPES = {"\uffff": "\uffff0", "\u2581": "\uffff1"}
_SPELT = {spelling: character for character, spelling in _ESCAPES.items()}
_SPELLING = re.compile("\uffff[01]?")
# A tag begins with that noncharacter before no digit: so whatever a text holds is never a tag.
_TAG_BEGINS, _TAG_ENDS = "\uffff<2", ">"


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How the SentencePiece models are trained.

    Attributes:
        vocab_size: Number of pieces, the special ones included.
        model_type: `unigram` (Kudo 2018) or `bpe` (Sennrich et al. 2016).
        joint: One vocabulary for source and target, or one each.
        byte_fallback: Spell what the vocabulary lacks as UTF-8 bytes, so that nothing is unknown.
        normalization: `identity`, or `nfkc` (which changes Korean jamo; see `pipeline.text`).
        character_coverage: Share of the text's characters that get a piece; 1.0 for alphabets,
            0.9995 suits Korean, whose rare syllables the bytes then spell.
        sampling_alpha: Smoothing of subword sampling in training (Kudo 2018), smaller being more
            random; 0 means none. For `unigram`.
        bpe_dropout: Probability with which a merge is left out in training (Provilkov et al.
            2020); 0 means none. For `bpe`.
    """

    vocab_size: int = 4000
    model_type: Literal["unigram", "bpe"] = "unigram"
    joint: bool = True
    byte_fallback: bool = True
    normalization: Literal["identity", "nfkc"] = "identity"
    character_coverage: float = 0.9999
    sampling_alpha: float = 0.0
    bpe_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.vocab_size < 1:
            raise ConfigError(
                f"data.tokenizer.vocab_size: expected 1 or more, got {self.vocab_size}"
            )
        if not 0.9 <= self.character_coverage <= 1:
            raise ConfigError(
                "data.tokenizer.character_coverage: expected 0.9 to 1.0, "
                f"got {self.character_coverage}"
            )
        if self.sampling_alpha < 0:
            raise ConfigError(
                f"data.tokenizer.sampling_alpha: expected 0 or more, got {self.sampling_alpha}"
            )
        if not 0 <= self.bpe_dropout < 1:
            raise ConfigError(
                f"data.tokenizer.bpe_dropout: expected 0 <= bpe_dropout < 1, got {self.bpe_dropout}"
            )
        wanted = {"sampling_alpha": "unigram", "bpe_dropout": "bpe"}
        for name, model_type in wanted.items():
            if getattr(self, name) and self.model_type != model_type:
                raise ConfigError(
                    f"data.tokenizer.{name}: expected 0 where model_type is {self.model_type}: "
                    f"it is for {model_type}; got {getattr(self, name)}"
                )

    @property
    def samples(self) -> bool:
        """Whether training sees words in other pieces each time."""
        return bool(self.sampling_alpha or self.bpe_dropout)


class Tokenizer:
    """A trained SentencePiece model. PAD, UNK, BOS, EOS have the ids 0, 1, 2, 3, always."""

    def __init__(self, model_proto: bytes) -> None:
        self.model_proto = model_proto
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        special_ids = (
            self._processor.pad_id(),
            self._processor.unk_id(),
            self._processor.bos_id(),
            self._processor.eos_id(),
            self._processor.piece_to_id(TURN),
        )
        if special_ids != (PAD_ID, UNK_ID, BOS_ID, EOS_ID, TURN_ID):
            raise ModelError(
                f"tokenizer: expected PAD, UNK, BOS, EOS and {TURN} at the ids 0 to 4, "
                f"got {special_ids}"
            )

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read a `.model` file.

        Raises:
            ModelError: The file is missing or is not a SentencePiece model.
        """
        try:
            return cls(path.read_bytes())
        except (OSError, RuntimeError) as error:
            raise ModelError(f"{path}: expected a SentencePiece model ({error})") from error

    def save(self, path: Path) -> None:
        """Write the `.model` file."""
        path.write_bytes(self.model_proto)

    @property
    def fingerprint(self) -> str:
        """A digest of the model: what was encoded with one is not valid for another."""
        return hashlib.sha256(self.model_proto).hexdigest()[:16]

    @property
    def turn_id(self) -> int:
        """The id of the turn separator."""
        return int(self._processor.piece_to_id(TURN))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Those that it has a tag of: mostly none."""
        first = TURN_ID + 1
        pieces = map(self._processor.id_to_piece, range(first, len(self)))
        tags = itertools.takewhile(lambda piece: piece.startswith(_TAG_BEGINS), pieces)
        return tuple(shown_tag(tag)[len("<2") : -len(_TAG_ENDS)] for tag in tags)

    def tag_id(self, language: str) -> int:
        """The id that, before a source, says which language to translate into.

        This is the token of Johnson et al. (2017, section 3). No text is encoded to it, and it is
        decoded to nothing.
        """
        return TURN_ID + 1 + self.languages.index(language)

    @cached_property
    def has_unknown(self) -> bool:
        """Whether there is text that it cannot spell: it was trained without byte fallback."""
        return not self._processor.is_byte(self._processor.piece_to_id("<0x00>"))

    @cached_property
    def _piece_log_probs(self) -> list[float]:
        return [self._processor.get_score(piece_id) for piece_id in range(len(self))]

    def __len__(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, text: str) -> list[int]:
        """Ids of the text's pieces, without BOS and EOS."""
        ids: list[int] = self._processor.encode(_escape(text))
        return ids

    def places(self, text: str, begin: int, end: int) -> list[int]:
        """Which of the ids that `encode` gives stand for text[begin:end], in part or as a whole."""
        begin, end = len(_escape(text[:begin])), len(_escape(text[:end]))
        offsets = self._processor.encode(_escape(text), out_type="offset_mapping")["offsets"]
        # Of the bytes of a character all but the last stand for no part of the text.
        return [i for i, (a, b) in enumerate(offsets) if a < end and max(a + 1, b) > begin]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, as `encode` gives them."""
        ids: list[list[int]] = self._processor.encode(_escape_all(texts), num_threads=1)
        return ids

    def nbest(self, text: str, num_best: int) -> list[tuple[list[int], float]]:
        """Ids and log-probability (nats) of the best segmentations, for a unigram model."""
        found = self._processor.nbest_encode(_escape(text), nbest_size=num_best)
        log_probs = self._piece_log_probs
        return [(ids, sum(log_probs[piece_id] for piece_id in ids)) for ids in found]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids; PAD, BOS, EOS and tags give nothing, what is spelt in part U+FFFD."""
        tags = range(TURN_ID + 1, TURN_ID + 1 + len(self.languages))
        return _unescape(self._processor.decode([i for i in ids if i not in tags]))

    def appended(self, piece_id: int) -> str:
        """What the piece adds to a text that it follows; of a byte beyond ASCII nothing yet."""
        piece: str = self._processor.id_to_piece(piece_id)
        if self._processor.is_byte(piece_id):
            byte = int(piece[1:-1], base=16)  # <0x41>
            return chr(byte) if byte < 0x80 else ""
        return piece.replace("▁", " ")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The piece behind each id, `▁` where a word begins."""
        return [self._processor.id_to_piece(piece_id) for piece_id in ids]

    def segment(self, text: str) -> list[str]:
        """The pieces of a text, an unknown one as the text spells it."""
        pieces: list[str] = self._processor.encode(_escape(text), out_type=str)
        return pieces

    def join(self, pieces: Sequence[str]) -> str:
        """Text of pieces, as `decode` makes it of ids; they need not be of the vocabulary."""
        return _unescape("".join(pieces).replace("▁", " ").removeprefix(" "))


def train_tokenizer(
    texts: Iterable[str], config: TokenizerConfig, *, languages: Sequence[str] = ()
) -> Tokenizer:
    """Train a SentencePiece model on the texts.

    Args:
        texts: Those of the training split alone: pieces learnt from a test split leak it.
        config: How.
        languages: Those that get a tag, see `Tokenizer.tag_id`.

    Raises:
        DataError: There is no text.
        ConfigError: `vocab_size` does not suit the texts; the message says which size would.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_training_lines(texts),
            model_writer=model,
            vocab_size=config.vocab_size,
            model_type=config.model_type,
            byte_fallback=config.byte_fallback,
            normalization_rule_name=config.normalization,
            remove_extra_whitespaces=False,
            character_coverage=config.character_coverage,
            max_sentence_length=_MAX_SENTENCE_BYTES,
            input_sentence_size=1_000_000,
            shuffle_input_sentence=True,
            user_defined_symbols=[TURN, *map(_tag, languages)],
            pad_id=PAD_ID,
            unk_id=UNK_ID,
            bos_id=BOS_ID,
            eos_id=EOS_ID,
            num_threads=2,  # fixed: the pieces' scores depend on how the work is cut
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _size_error(error, config.vocab_size) from error
    return Tokenizer(model.getvalue())


def shown_tag(piece: str) -> str:
    """A piece as it is shown: of a tag without what keeps it apart from text."""
    return piece.removeprefix(_TAG_BEGINS[0]) if piece.startswith(_TAG_BEGINS) else piece


def _tag(language: str) -> str:
    return f"{_TAG_BEGINS}{language}{_TAG_ENDS}"


def _training_lines(texts: Iterable[str]) -> Iterator[str]:
    found = False
    for text in texts:
        # The turn symbol is a piece already; what stands between symbols is what is learnt from.
        for part in _escape(text).split(TURN):
            if part.strip():
                found = True
                yield part.replace("\n", " ")
    if not found:
        raise DataError("tokenizer: no text to train on; expected one line that is not blank")


def _size_error(error: RuntimeError, vocab_size: int) -> ConfigError:
    if match := _LARGEST_SIZE.search(str(error)):
        advice = f"too large for this corpus: at most {match[1]}"
    elif match := _SMALLEST_SIZE.search(str(error)):
        advice = f"smaller than its {match[1]} characters and bytes: at least {match[1]}"
    else:
        advice = f"not possible for this corpus ({str(error).splitlines()[-1]})"
    return ConfigError(f"data.tokenizer.vocab_size: {vocab_size} is {advice}")


def _escape(text: str) -> str:
    text = replace_surrogates(text)
    for character, spelling in _ESCAPES.items():
        if character in text:
            text = text.replace(character, spelling)
    return text


def _escape_all(texts: Sequence[str]) -> list[str]:
    together = "".join(texts)
    if _escape(together) == together:  # mostly, and this takes a tenth of the time
        return list(texts)
    return list(map(_escape, texts))


def _unescape(text: str) -> str:
    return _SPELLING.sub(lambda spelling: _SPELT.get(spelling[0], "\ufffd"), text)
