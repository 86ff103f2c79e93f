"""The chatbot: a conversation that grows turn by turn. It neither reads nor prints."""

import json
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import torch

from pipeline.batch import collate_sources
from pipeline.chat.blocklist import Blocklist
from pipeline.chat.candidates import find_candidates
from pipeline.chat.explanation import PieceExplanation, explain
from pipeline.chat.generation import build_limit, build_rules, build_sampler
from pipeline.chat.memory import Recollection
from pipeline.chat.reply import Reply
from pipeline.chat.reranking import Candidate, Reranker
from pipeline.chat.retrieval import Match, QuestionIndex
from pipeline.chat.settings import MAX_CANDIDATES, ChatSettings
from pipeline.chat.unsure import unsure_text
from pipeline.context import clean_turn, encode_contexts, join_turns
from pipeline.decoding import EncodedSource, Rule, Sampler, stream_tokens
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.model_folder import TrainedModel, load_model
from pipeline.text import normalize

_BROKEN = "\ufffd"
"""How a character looks whose bytes have not all been generated yet."""
# The byte pieces can spell line breaks and a terminal's escapes; a reply is one line of text.
_CONTROL_TO_SPACE = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")


class ChatSession:
    """A conversation with a trained chat model.

    Args:
        trained: A model of the task `chat`.
        settings: How replies are generated.
        index: Known questions: a message that is like one of them gets its answer word for word.
        device: Where it runs.
        reverse: A chat model from reply to message, by which candidates are ranked.
        blocklist: What is never said.

    Raises:
        ModelError: The model is a translator, or a reverse model; or the reverse one is none.
    """

    def __init__(
        self,
        trained: TrainedModel,
        *,
        settings: ChatSettings | None = None,
        device: str = "cpu",
        index: QuestionIndex | None = None,
        reverse: TrainedModel | None = None,
        blocklist: Blocklist | None = None,
    ) -> None:
        if trained.task != "chat":
            raise ModelError(f"{trained.name}: a model for {trained.task}; expected chat")
        if trained.data.get("reverse"):
            raise ModelError(
                f"{trained.name}: finds messages to a reply (data.reverse); expected a model that "
                "replies, beside which it is given as --reverse"
            )
        if "context_tokens" not in trained.data:
            raise ModelError(f"{trained.name}: config.json lacks data.context_tokens")
        self._trained = trained
        self._index = index
        self._device = torch.device(device)
        self._model = trained.model.to(self._device).eval()
        self._recollection = Recollection(self._model) if self._model.memory else None
        if reverse is not None:
            reverse.model.to(self._device).eval()
        self._reranker = Reranker(trained, reverse)
        self._blocklist = blocklist or Blocklist(())
        self._generator = torch.Generator(self._device)
        self._turns: list[str] = []
        self._last_reply: Reply | None = None
        self.settings = settings or ChatSettings()

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, settings: ChatSettings | None = None, device: str = "cpu"
    ) -> Self:
        """Load a model folder, or a model on the Hugging Face hub by its name.

        Raises:
            ModelError: There is none, it is damaged, or it is a translator.
        """
        return cls(load_model(path), settings=settings, device=device)

    @property
    def settings(self) -> ChatSettings:
        """How replies are generated; setting it starts the randomness anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: ChatSettings) -> None:
        self._sampler = build_sampler(settings, self._generator)
        self._generator.manual_seed(settings.seed)
        self._settings = settings

    @property
    def turns(self) -> tuple[str, ...]:
        """What was said, the user first, then in turn."""
        return tuple(self._turns)

    @property
    def last_reply(self) -> Reply | None:
        """How the last reply came about; None where there is none, or it was taken back."""
        return self._last_reply

    def reply(self, message: str) -> str:
        """The whole reply to a message."""
        return "".join(self.stream(message))

    def stream(self, message: str, *, retrieve: bool = True) -> Generator[str, None, None]:
        """The reply as it is generated; a generator, so that a caller may close it early.

        The best of several replies, or one that the model has to be sure of, comes as a whole.
        The turns are kept when the reply ends; also when the caller stops early, with what was
        generated by then.

        Args:
            message: What is said.
            retrieve: Whether a known answer may be given, where there is an index.
        """
        turns = [*self._turns, message]
        source_ids = self._context_ids(turns)
        token_ids: list[int] = []
        said = ""
        match = self._known(message) if retrieve else None
        try:
            if match:
                said = match.answer
                yield said
                return
            if self._settings.num_candidates > 1 or self._settings.unsure_below:
                said, token_ids = self._whole_reply(turns, self._read(source_ids))
                if said:
                    yield said
                return
            for token_id in self._generate(turns, self._read(source_ids)):
                token_ids.append(token_id)
                text = self._text(token_ids)
                piece, said = text[len(said) :], text
                if piece:
                    yield piece
        finally:
            self._turns = [*turns, said]
            self._last_reply = Reply(
                text=said,
                source_ids=tuple(source_ids),
                token_ids=tuple(token_ids),
                match=match,
            )

    def alternatives(self, num_replies: int) -> list[Candidate]:
        """The best different replies to the last message, the best first; nothing changes.

        Fewer where the model finds no more, and none where nothing was said. With a temperature
        they are drawn, always the same for a seed.

        Raises:
            ConfigError: The number is not between 1 and 100.
        """
        if not 1 <= num_replies <= MAX_CANDIDATES:
            raise ConfigError(f"alternatives: expected 1 to {MAX_CANDIDATES}, got {num_replies}")
        if not self._turns:
            return []
        turns = self._turns[:-1]
        source = self._read(self._context_ids(turns))
        generator = torch.Generator(self._device).manual_seed(self._settings.seed)
        sampler = build_sampler(self._settings, generator)
        return self._candidates(turns, source, num_replies, sampler)

    def explain(self) -> list[PieceExplanation]:
        """How probable each piece of the last reply was, and what the model looked at.

        Empty where nothing was generated: no reply yet, or one that was not the model's own.
        """
        if self._last_reply is None or not self._last_reply.token_ids:
            return []
        return explain(
            self._read(self._context_ids(self._turns[:-1])),
            self._last_reply.token_ids,
            source_tokenizer=self._trained.source_tokenizer,
            target_tokenizer=self._trained.target_tokenizer,
        )

    def nearest(self, num_questions: int) -> list[Match]:
        """The known questions that are most like the last message; none without an index."""
        if self._index is None or not self._turns:
            return []
        return self._index.search(self._turns[-2], num_questions)

    def undo(self) -> str | None:
        """Take back the last message and its reply; gives the message, None where there is none."""
        if not self._turns:
            return None
        message = self._turns[-2]
        del self._turns[-2:]
        self._last_reply = None
        return message

    def reset(self) -> None:
        """Forget what was said."""
        self._turns.clear()
        self._forget()

    def restore(self, turns: Sequence[str]) -> None:
        """Go on from these turns: messages and replies in turn, a message first."""
        assert len(turns) % 2 == 0
        self._turns = list(turns)
        self._forget()

    def to_json(self) -> str:
        """The conversation and its settings, to be kept in a file."""
        state = {"turns": self._turns, "settings": asdict(self.settings)}
        return json.dumps(state, indent=2, ensure_ascii=False)

    def load_json(self, text: str) -> None:
        """Go on with a conversation that `to_json` gave.

        Raises:
            DataError: The text is not one; then nothing has changed.
        """
        try:
            state = json.loads(text)
            turns, settings = state["turns"], ChatSettings(**state["settings"])
            is_list = isinstance(turns, list)
            if not is_list or len(turns) % 2 or not all(isinstance(turn, str) for turn in turns):
                raise ValueError("turns: expected pairs of texts")
            self.settings = settings
        except (ValueError, TypeError, KeyError, ConfigError) as error:
            raise DataError(f"not a saved conversation: {error}") from error
        self.restore(turns)

    def _forget(self) -> None:
        self._last_reply = None
        if self._recollection:
            self._recollection.forget()

    def _known(self, message: str) -> Match | None:
        """The known question that is close enough, with an answer that may be given."""
        for match in self._index.search(message) if self._index else ():
            if match.similarity >= self._settings.retrieve_above:
                return None if self._blocklist.blocks(match.answer) else match
        return None

    def _read(self, source_ids: list[int]) -> EncodedSource[Any]:
        ids, lengths = collate_sources([source_ids])
        reader = self._recollection or self._model
        return EncodedSource(reader, ids.to(self._device), lengths.to(self._device))

    def _generate(self, turns: list[str], source: EncodedSource[Any]) -> Iterator[int]:
        return stream_tokens(
            source,
            source.source_ids,
            source.source_lengths,
            limit=build_limit(self._settings),
            choose=self._sampler,
            rules=self._rules(turns),
            permits=self._permits if self._blocklist else None,
        )

    def _whole_reply(self, turns: list[str], source: EncodedSource[Any]) -> tuple[str, list[int]]:
        """Text and tokens of the best candidate; without tokens where the model is not sure."""
        candidates: list[Candidate] = []
        if self._settings.num_candidates > 1:
            num_candidates = self._settings.num_candidates
            candidates = self._candidates(turns, source, num_candidates, self._sampler)
        if not candidates:
            # Only here a token can be barred as it comes, so that a blocklist leaves something.
            token_ids = list(self._generate(turns, source))
            reply = (self._text(token_ids), token_ids)
            candidates = self._reranker.rerank(source, turns[-1], [reply], weight=0.0)
        best = candidates[0]
        probability = math.exp(best.log_prob / (len(best.token_ids) + 1))
        if probability >= self._settings.unsure_below:
            return best.text, list(best.token_ids)
        text = unsure_text(turns[-1])
        return ("" if self._blocklist.blocks(text) else text), []

    def _candidates(
        self, turns: list[str], source: EncodedSource[Any], num_candidates: int, sampler: Sampler
    ) -> list[Candidate]:
        found = find_candidates(
            source,
            num_candidates,
            limit=build_limit(self._settings),
            sampler=sampler,
            rules=self._rules(turns),
        )
        replies: dict[str, tuple[str, list[int]]] = {}
        for token_ids in found:
            text = self._text(token_ids)
            if (same := normalize(text)) and not self._blocklist.blocks(text):
                replies.setdefault(same, (text, token_ids))
        if not replies:
            return []
        return self._reranker.rerank(
            source,
            turns[-1],
            [*replies.values()][:num_candidates],
            weight=self._settings.mmi_weight,
        )

    def _rules(self, turns: list[str]) -> list[Rule]:
        context_ids: list[int] = []
        if self._settings.looks_at_conversation:  # a message is encoded in a millisecond
            context_ids = self._trained.target_tokenizer.encode(join_turns(turns))
        return build_rules(self._settings, context_ids)

    def _permits(self, token_ids: list[int]) -> bool:
        return not self._blocklist.blocks(self._text(token_ids))

    def _text(self, token_ids: list[int]) -> str:
        text = self._trained.target_tokenizer.decode(token_ids).rstrip(_BROKEN)
        return text.translate(_CONTROL_TO_SPACE)

    def _context_ids(self, turns: list[str]) -> list[int]:
        if self._recollection:
            text = join_turns(self._recollection.unread(turns), max_turns=None)
        elif self._trained.data.get("dialogue"):
            text = join_turns(turns)
        else:  # trained on single messages, it would not know what to make of several
            text = clean_turn(turns[-1])
        (ids,) = encode_contexts(
            [text], self._trained.source_tokenizer, budget=self._trained.context_tokens
        )
        return ids
