"""Terms: what a translation has to hold. A glossary, and spans that come through unchanged.

words         where a word begins and ends
glossary      a file of terms and their translations
protection    numbers, URLs, e-mail addresses and marked spans
reading       the terms of a line, and which of them a translation lacks
placeholders  what the model reads in the place of a span that it cannot know
retranslation once freely; then again, made to hold its terms, what lacks one
"""

from pipeline.terms.glossary import Glossary
from pipeline.terms.placeholders import Prepared
from pipeline.terms.reading import Term, Terms
from pipeline.terms.retranslation import translate_with_terms
from pipeline.terms.words import goes_on_with_word

__all__ = [
    "Glossary",
    "Prepared",
    "Term",
    "Terms",
    "goes_on_with_word",
    "translate_with_terms",
]
