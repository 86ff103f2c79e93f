"""What is said in place of a reply that the model finds improbable itself."""

import re

_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_KOREAN = "잘 모르겠어요."
_OTHERS = "I am not sure."


def unsure_text(message: str) -> str:
    """In Korean after a message with Hangul in it, in English after others."""
    return _KOREAN if _HANGUL.search(message) else _OTHERS
