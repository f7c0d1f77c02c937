"""Which sentences can be proven true or false, and which could stand on any competitor's page.

Two questions about one sentence ("SSO included" is both): `checkable`, and `generic`, the swap test: put a competitor's name there; is it
still true and natural? Each is a logistic regression over the sentence vector, what is seen of the sentence (`signs`), where on its page it
stands (`place`) and what readers said of the labelled sentences of other products that are nearest to it (`likeness`). Nothing is trained
on the product at hand.
"""

from pipeline.sentences.likeness import Labelled, likeness_columns, likeness_rows
from pipeline.sentences.model import SentenceModel
from pipeline.sentences.place import place_columns, place_rows
from pipeline.sentences.signs import Background, Lexicon, read_lexicon, shape_columns, shape_rows

__all__ = [
    "Background",
    "Labelled",
    "Lexicon",
    "SentenceModel",
    "likeness_columns",
    "likeness_rows",
    "place_columns",
    "place_rows",
    "read_lexicon",
    "shape_columns",
    "shape_rows",
]
