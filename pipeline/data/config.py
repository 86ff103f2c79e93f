"""The `data` section of a configuration: where the text is and what is made of it."""

from dataclasses import dataclass, field

from pipeline.errors import ConfigError
from pipeline.languages import Direction, as_list, directions_between
from pipeline.task import Task
from pipeline.tokenizer import TokenizerConfig

_POSITIVE = ("held_out_rows", "max_tokens", "context_tokens", "batch_tokens", "ending_batch_tokens")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the text is, which columns count, and how it becomes batches.

    Attributes:
        path: A hub name (`owner/name`, or `owner/name:subset`), a folder with splits by file name,
            a file or URL (json, jsonl, csv, tsv, parquet; `.gz` too), `chitchat-dataset`, a
            phrasebook folder, or two aligned text files (of several languages, a file for each);
            with `dialogue`, a list of any of these but the last, which are mixed.
        repeats: Of a list of corpora with `dialogue`: how often each is gone through while the
            training goes once through all; a small one wants to be heard beside a large one
            (Arivazhagan et al. 2019). Once each if not given.
        source: Column of the source sentence, of the question, or of what is to be classified.
            `translation.de` is also the key `de` in a column `translation` of objects, as the hub
            has them. For translation also a list, of one language a column: see `target`.
        target: Column of the target sentence, of the answer, or of the label; the only column of a
            language model (its text) and of a forecaster (its numbers, in the order of time). Where
            it or `source` is a list, one model translates from each source into each other target,
            a row giving a pair for each of these directions that it has both sentences of.
        dialogue: Column that holds a list of turns; when given, `source` and `target` are unused,
            but for a corpus of a list that lacks it: its pairs are conversations of two turns.
        task: `translation`; `chat` (implied by `dialogue`); `classification`; `language_model`; or
            `forecast`, of the next number of a series.
        labels: For classification: the labels to choose among, rows with others being left out; if
            not given, those of the training split.
        split_by: When splits have to be made: rows with the same value in this column stay
            together. Unless said otherwise it is the target for chat and language models, the
            source otherwise; with `dialogue`, repeated dialogues stay together, and with lists of
            languages, rows that share a sentence in any of them. Of a series the last numbers are
            held out.
        held_out_rows: When splits have to be made: rows of validation, and of test, each.
        max_tokens: Longest side, in pieces, of a training pair; longer pairs are left out. Of a
            series, the numbers in a training window.
        max_length_ratio: Largest ratio of the longer side to the shorter, in characters; only for
            translation: elsewhere the lengths do not go together.
        reverse: For chat: learn what a reply answers, from the reply to the last message. This is
            the reverse model of maximum mutual information (Li et al. 2016), which `seq2seq chat
            --reverse` takes beside the model itself.
        max_target_repeats: For chat: a reply that answers more different messages than this is left
            out of training, as one that says nothing (Csáky et al. 2019: the entropy of what it
            answers is above the logarithm of it); 0 keeps all.
        context_tokens: For chat: pieces of earlier turns that the model sees at most.
        batch_tokens: Tokens of the longer side in a batch, about.
        ending_from: The step from which on a batch has `ending_batch_tokens`: a training that ends
            in larger batches has less noise in its last steps (Smith et al. 2018). 0 means never.
        ending_batch_tokens: See there.
        tokenizer: How SentencePiece is trained.
    """

    path: str | list[str]
    repeats: list[int] | None = None
    source: str | list[str] = "source"
    target: str | list[str] = "target"
    dialogue: str | None = None
    task: Task = "translation"
    labels: list[str] | None = None
    split_by: str | None = None
    held_out_rows: int = 1000
    max_tokens: int = 100
    max_length_ratio: float = 4.0
    reverse: bool = False
    max_target_repeats: int = 0
    context_tokens: int = 60
    batch_tokens: int = 2048
    ending_from: int = 0
    ending_batch_tokens: int = 8192
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise ConfigError(f"data.{name}: expected 1 or more, got {getattr(self, name)}")
        if self.ending_from < 0:
            raise ConfigError(f"data.ending_from: expected 0 or more, got {self.ending_from}")
        if self.ending_from and self.task == "forecast":
            raise ConfigError("data.ending_from: expected with text, got the task forecast")
        if self.max_length_ratio < 1:
            raise ConfigError(
                f"data.max_length_ratio: expected 1 or more, got {self.max_length_ratio}"
            )
        if self.dialogue is not None and self.task not in ("translation", "chat"):
            raise ConfigError(
                f"data.dialogue: expected with the task chat, got the task {self.task}"
            )
        if self.max_target_repeats < 0:
            raise ConfigError(
                f"data.max_target_repeats: expected 0 or more, got {self.max_target_repeats}"
            )
        for name in ("reverse", "max_target_repeats"):
            if getattr(self, name) and not self.is_chat:
                raise ConfigError(f"data.{name}: expected with the task chat, got {self.task}")
        if self.labels is not None and self.task != "classification":
            raise ConfigError(
                f"data.labels: expected with the task classification, got the task {self.task}"
            )
        if self.labels is not None and len(set(self.labels)) < max(2, len(self.labels)):
            raise ConfigError(
                f"data.labels: expected two different labels or more, got {self.labels}"
            )
        if self.task == "forecast" and self.max_tokens < 2:
            raise ConfigError(
                f"data.max_tokens: expected 2 or more for a series, got {self.max_tokens}"
            )
        if self.is_multilingual:
            self._check_languages()
        if not self.path or not all([self.path] if isinstance(self.path, str) else self.path):
            raise ConfigError("data.path: expected a path, a URL or a name, got nothing")
        num_columns = len(self.columns)
        if isinstance(self.path, list) and len(self.path) != num_columns and not self.is_mixture:
            raise ConfigError(
                f"data.path: expected one path, or an aligned text file for each of "
                f"{', '.join(self.columns)}, got {len(self.path)}"
            )
        if self.repeats is not None:
            if not self.is_mixture or len(self.repeats) != len(self.path):
                raise ConfigError(
                    "data.repeats: expected with a list of corpora in data.path and data.dialogue, "
                    f"a number for each; got {self.repeats}"
                )
            if min(self.repeats) < 1:
                raise ConfigError(f"data.repeats: expected 1 or more each, got {self.repeats}")

    def _check_languages(self) -> None:
        if self.task != "translation" or self.dialogue is not None:
            raise ConfigError(
                "data.source, data.target: expected one column each with the task "
                f"{'chat' if self.is_chat else self.task}, got {self.source} and {self.target}"
            )
        if not self.tokenizer.joint:
            raise ConfigError(
                "data.tokenizer.joint: expected true where data.source or data.target is a list"
            )
        for side in Direction._fields:
            languages = as_list(getattr(self, side))
            if not languages or not all(languages) or len(set(languages)) < len(languages):
                raise ConfigError(f"data.{side}: expected different columns, got {languages}")
        for side in Direction._fields:
            used = {getattr(direction, side) for direction in self.directions}
            if unused := [each for each in as_list(getattr(self, side)) if each not in used]:
                raise ConfigError(
                    f"data.{side}: {unused[0]} has no other language to go with; got "
                    f"data.source {self.source} and data.target {self.target}"
                )

    @property
    def is_multilingual(self) -> bool:
        """Whether sources begin with a tag of the target language."""
        return not (isinstance(self.source, str) and isinstance(self.target, str))

    @property
    def directions(self) -> list[Direction]:
        """From which column into which."""
        return directions_between(self.source, self.target)

    @property
    def direction(self) -> Direction:
        """The only one, where there are no more."""
        (direction,) = self.directions
        return direction

    @property
    def columns(self) -> list[str]:
        """Those of all sources and targets, each once."""
        return list(dict.fromkeys([*as_list(self.source), *as_list(self.target)]))

    @property
    def is_chat(self) -> bool:
        """Whether the pairs are turns of a conversation."""
        return self.task == "chat" or self.dialogue is not None

    @property
    def is_mixture(self) -> bool:
        """Whether `path` is a list of corpora of conversations, and not of two aligned files."""
        return isinstance(self.path, list) and self.dialogue is not None
