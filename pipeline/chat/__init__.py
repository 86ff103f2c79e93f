"""The chatbot: a conversation that grows turn by turn. It neither reads nor prints."""

from pipeline.chat.blocklist import Blocklist
from pipeline.chat.explanation import PieceExplanation
from pipeline.chat.reply import Reply
from pipeline.chat.reranking import Candidate
from pipeline.chat.retrieval import Match, QuestionIndex
from pipeline.chat.self_chat import self_chat
from pipeline.chat.session import ChatSession
from pipeline.chat.settings import ChatSettings

__all__ = [
    "Blocklist",
    "Candidate",
    "ChatSession",
    "ChatSettings",
    "Match",
    "PieceExplanation",
    "QuestionIndex",
    "Reply",
    "self_chat",
]
