"""The `data` section of a configuration: where the text is and what is made of it."""

from dataclasses import dataclass, field
from typing import Literal

from pipeline.errors import ConfigError
from pipeline.tokenizer import TokenizerConfig

Task = Literal["translation", "chat"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the text is, which columns count, and how it becomes batches.

    Attributes:
        path: A hub name (`owner/name`, or `owner/name:subset`), a folder with splits by file name,
            a file or URL (json, jsonl, csv, tsv, parquet; `.gz` too), `chitchat-dataset`, a
            phrasebook folder, or two aligned text files.
        source: Column of the source sentence, or of the question. `translation.de` is also the key
            `de` in a column `translation` of objects, as the hub has them.
        target: Column of the target sentence, or of the answer.
        dialogue: Column that holds a list of turns; when given, `source` and `target` are unused.
        task: `translation`, or `chat` (implied by `dialogue`).
        split_by: When splits have to be made: rows with the same value in this column stay
            together. Unless said otherwise it is the target for chat, the source otherwise; with
            `dialogue`, repeated dialogues stay together.
        held_out_rows: When splits have to be made: rows of validation, and of test, each.
        max_tokens: Longest side, in pieces, of a training pair; longer pairs are left out.
        max_length_ratio: Largest ratio of the longer side to the shorter, in characters; not for
            chat, where the lengths do not go together.
        context_tokens: For chat: pieces of earlier turns that the model sees at most.
        batch_tokens: Tokens of the longer side in a batch, about.
        tokenizer: How SentencePiece is trained.
    """

    path: str | list[str]
    source: str = "source"
    target: str = "target"
    dialogue: str | None = None
    task: Task = "translation"
    split_by: str | None = None
    held_out_rows: int = 1000
    max_tokens: int = 100
    max_length_ratio: float = 4.0
    context_tokens: int = 60
    batch_tokens: int = 2048
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    def __post_init__(self) -> None:
        for name in ("held_out_rows", "max_tokens", "context_tokens", "batch_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"data.{name}: expected 1 or more, got {getattr(self, name)}")
        if self.max_length_ratio < 1:
            raise ConfigError(
                f"data.max_length_ratio: expected 1 or more, got {self.max_length_ratio}"
            )
        if not all([self.path] if isinstance(self.path, str) else self.path):
            raise ConfigError("data.path: expected a path, a URL or a name, got nothing")
        if isinstance(self.path, list) and len(self.path) != 2:
            raise ConfigError(
                f"data.path: expected one path, or two aligned text files, got {len(self.path)}"
            )

    @property
    def is_chat(self) -> bool:
        """Whether the pairs are turns of a conversation."""
        return self.task == "chat" or self.dialogue is not None
