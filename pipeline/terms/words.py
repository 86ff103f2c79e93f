"""Where a word begins and ends, in scripts with and without spaces, and in Korean.

A word ends before anything but a letter, a digit or an underscore. Chinese and Japanese put no
spaces between words, so that among their characters every place is an end. In Korean particles
are written on to a noun: 서울에서 is 서울 (Seoul) and 에서 (in), 서울대 another word.
"""

import re

_HANGUL = "\uac00-\ud7a3"
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_NUMBER_SIGNS = ".,:'’"
_LETTER = rf"[^\W{_UNSPACED}]"
_LETTER_BUT_KOREAN = rf"[^\W{_UNSPACED}{_HANGUL}]"
_BEGIN = rf"(?<!{_LETTER})(?<!\d[{_NUMBER_SIGNS}])"
_END_BUT_KOREAN = rf"(?!{_LETTER_BUT_KOREAN})(?![{_NUMBER_SIGNS}]\d)"

# The case particles, the auxiliary ones, and the common forms of 이다 (to be). Of one syllable only
# those that hardly end another noun.
_PARTICLES = (
    "은|는|이|가|을|를|의|에|로|으로|와|과|도|만|랑|이랑|하고|께|께서|에서|에게|에게서|한테|한테서"
    "|까지|부터|마저|조차|밖에|처럼|같이|보다|마다|이나|라도|이라도|든지|이든지|로서|으로서|로써"
    "|으로써|대로|만큼|뿐|이며"
    "|입니다|입니까|이에요|예요|이야|이다|이고|이지만|인데|인데요|인가요|이죠|이지요|이라고|라고"
    "|이라는|라는|이었어요|였어요|이었습니다|였습니다|요"
)
_END_OR_PARTICLES = rf"(?=(?:{_PARTICLES}){{0,3}}(?!{_LETTER}))(?![{_NUMBER_SIGNS}]\d)"

NUMBER = rf"{_BEGIN}\d+(?:[{_NUMBER_SIGNS}]\d+)*{_END_BUT_KOREAN}"
"""The pattern of a number with its separators: 3:30; 1,000.50. Not the 3 of 3rd, that of 3시."""


def as_word(phrase: str) -> str:
    """The pattern of a phrase that is a word or words; Korean particles may follow."""
    return f"{_BEGIN}{re.escape(phrase)}{_END_OR_PARTICLES}"


def as_translation(phrase: str, *, may_be_capitalized: bool) -> str:
    """The pattern of a phrase in a translation; any Korean may follow.

    A translation that inflects the phrase as Korean does has said it. At the beginning of the line
    a capital letter may stand for a small one, if so asked.
    """
    begun = f"{_BEGIN}{re.escape(phrase)}"
    if may_be_capitalized and (capitalized := phrase[0].upper() + phrase[1:]) != phrase:
        begun = f"(?:{begun}|^{re.escape(capitalized)})"
    return f"{begun}{_END_BUT_KOREAN}"


def goes_on_with_word(text: str) -> bool:
    """Whether a word that comes before the text would go on with it; with Korean it ends."""
    return re.match(_LETTER_BUT_KOREAN, text) is not None
