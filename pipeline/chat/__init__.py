"""The chatbot: a conversation that grows turn by turn. It neither reads nor prints."""

from pipeline.chat.reply import Reply
from pipeline.chat.retrieval import Match, QuestionIndex
from pipeline.chat.session import ChatSession
from pipeline.chat.settings import ChatSettings

__all__ = ["ChatSession", "ChatSettings", "Match", "QuestionIndex", "Reply"]
