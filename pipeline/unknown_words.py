"""Unknown words: what the target vocabulary cannot spell is copied from where attention looks.

Luong et al. (2015), "Addressing the rare word problem": a word that no vocabulary holds is mostly
a name, which is the same in both languages. They learn alignments for it; as Jean et al. (2015,
section 4.3) do, these are the attention weights.
"""

import re
from collections.abc import Sequence

from pipeline.tokenizer import UNK_ID, Tokenizer

_OUTER_PUNCTUATION = re.compile(r"^\W+|\W+$")
_WORD_START = "▁"


def copy_unknown(
    source: str,
    target_ids: Sequence[int],
    places: Sequence[int],
    *,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
) -> str:
    """The text of a hypothesis, with something of the source in the place of each UNK.

    Args:
        source: The text that was translated.
        target_ids: The tokens of the hypothesis.
        places: For each of them the source piece that attention looked at most.
        source_tokenizer: That of the source.
        target_tokenizer: That of the hypothesis.
    """
    source_ids = source_tokenizer.encode(source)
    source_pieces = source_tokenizer.segment(source)
    pieces = target_tokenizer.pieces(target_ids)
    for i, place in enumerate(places):
        if target_ids[i] != UNK_ID:
            continue
        # An unknown piece of the source is a run of characters: a part of a word, as UNK is here.
        is_unknown = source_ids[place] == UNK_ID
        pieces[i] = source_pieces[place] if is_unknown else _word_at(source_pieces, place)
    return target_tokenizer.join(pieces)


def _word_at(pieces: Sequence[str], place: int) -> str:
    """The word that holds the piece, without the punctuation around it."""
    starts = [i for i, piece in enumerate(pieces) if i == 0 or piece.startswith(_WORD_START)]
    begin = max(i for i in starts if i <= place)
    end = min((i for i in starts if i > place), default=len(pieces))
    word = "".join(pieces[begin:end]).removeprefix(_WORD_START)
    return _OUTER_PUNCTUATION.sub("", word) or word
