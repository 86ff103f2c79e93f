"""The phrasebook's sentence frames, multiplied out into an English-Korean-German corpus.

data/phrasebook/README.md describes the frames, the fillers of their slots, and their notation.
`python -m pipeline.data.phrasebook data/phrasebook` prints counts and random rows.
"""

from pipeline.data.phrasebook.expansion import expand_phrasebook

__all__ = ["expand_phrasebook"]
