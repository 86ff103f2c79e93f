"""Unknown words: what the target vocabulary cannot spell is copied from where attention looks.

Luong et al. (2015), "Addressing the rare word problem": a word that no vocabulary holds is mostly
a name, which is the same in both languages. They learn alignments for it; as Jean et al. (2015,
section 4.3) do, these are the attention weights. Such weights may be a few words off: so where
something of the source is unknown as well, they only choose among what is.
"""

import re
from collections.abc import Sequence

from pipeline.tokenizer import UNK_ID, Tokenizer

_OUTER_PUNCTUATION = re.compile(r"^\W+|\W+$")
_WORD_START = "▁"


def copy_unknown(
    source: str,
    target_ids: Sequence[int],
    weights: Sequence[Sequence[float]],
    *,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
) -> str:
    """The text of a hypothesis, with something of the source in the place of each UNK.

    Args:
        source: The text that was translated.
        target_ids: The tokens of the hypothesis.
        weights: For each of them how much attention looked at each source piece that was
            read, without EOS.
        source_tokenizer: That of the source.
        target_tokenizer: That of the hypothesis.
    """
    source_pieces = source_tokenizer.segment(source)[: len(weights[0])]
    source_ids = source_tokenizer.encode(source)[: len(weights[0])]
    unknown = [place for place, piece_id in enumerate(source_ids) if piece_id == UNK_ID]
    places = unknown or range(len(source_ids))
    pieces = target_tokenizer.pieces(target_ids)
    for i, target_id in enumerate(target_ids):
        if target_id == UNK_ID:
            place = max(places, key=weights[i].__getitem__)
            # An unknown piece is a run of characters: a part of a word, as UNK is in the target.
            pieces[i] = source_pieces[place] if unknown else _word_at(source_pieces, place)
    return target_tokenizer.join(pieces)


def _word_at(pieces: Sequence[str], place: int) -> str:
    """The word that holds the piece, without the punctuation around it."""
    starts = [i for i, piece in enumerate(pieces) if i == 0 or piece.startswith(_WORD_START)]
    begin = max(i for i in starts if i <= place)
    end = min((i for i in starts if i > place), default=len(pieces))
    word = "".join(pieces[begin:end]).removeprefix(_WORD_START)
    return _OUTER_PUNCTUATION.sub("", word) or word
