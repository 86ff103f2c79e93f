"""From sentence pairs or conversations to a translator or a chatbot."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.chat import ChatSession, ChatSettings
    from pipeline.classifier import Classifier
    from pipeline.onnx_translator import OnnxTranslator
    from pipeline.search_settings import SearchSettings
    from pipeline.translator import Translator

__all__ = [
    "ChatSession",
    "ChatSettings",
    "Classifier",
    "OnnxTranslator",
    "SearchSettings",
    "Translator",
]


def __getattr__(name: str) -> Any:
    # On first use: so that `seq2seq --help` and a usage mistake need not wait for torch.
    if name == "Translator":
        from pipeline import translator

        return translator.Translator
    if name == "OnnxTranslator":
        from pipeline import onnx_translator

        return onnx_translator.OnnxTranslator
    if name == "Classifier":
        from pipeline import classifier

        return classifier.Classifier
    if name == "SearchSettings":
        from pipeline import search_settings

        return search_settings.SearchSettings
    if name in ("ChatSession", "ChatSettings"):
        from pipeline import chat

        return getattr(chat, name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
