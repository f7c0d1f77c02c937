"""Old and new sentences of a page, paired one to one.

First by identical wording, then by meaning: the assignment that makes the sum of similarities largest, where a similarity is the mean of the
cosine of the vectors and the overlap of the words. Anchored in the document-diff practice of exact match first, fuzzy match on what is left.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.embed import Encoder
from pipeline.match import terms
from pipeline.records import Sentence

SAME_SENTENCE = 0.6


def fold(text: str) -> str:
    """Wording without case, punctuation and white space: `Work  smarter!` and `Work smarter` are the same sentence."""
    return re.sub(r"[^\w%$€£+]+", " ", text.lower()).strip()


def align(
    old: Sequence[Sentence], new: Sequence[Sentence], encoder: Encoder
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[int], list[int]]:
    """(same, reworded, removed, added): index pairs (old, new) with equal wording, pairs that say the same thing otherwise, and the rest.

    Equal wordings pair in order of appearance; moving a sentence is no change.
    """
    waiting: dict[str, list[int]] = defaultdict(list)
    for i, sentence in enumerate(old):
        waiting[fold(sentence.text)].append(i)
    same: list[tuple[int, int]] = []
    added: list[int] = []
    for j, sentence in enumerate(new):
        places = waiting.get(fold(sentence.text))
        if places:
            same.append((places.pop(0), j))
        else:
            added.append(j)
    removed = sorted(i for places in waiting.values() for i in places)
    if not removed or not added:
        return same, [], removed, added
    meaning = encoder.encode([old[i].text for i in removed]) @ encoder.encode([new[j].text for j in added]).T
    before, after = [set(terms(old[i].text)) for i in removed], [set(terms(new[j].text)) for j in added]
    wording = np.array([[2 * len(a & b) / max(1, len(a) + len(b)) for b in after] for a in before])
    likeness = np.round((meaning + wording) / 2, 6)
    reworded = [
        (removed[a], added[b])
        for a, b in zip(*linear_sum_assignment(-likeness), strict=True)
        if likeness[a, b] >= SAME_SENTENCE
    ]
    gone, come = {a for a, _ in reworded}, {b for _, b in reworded}
    return same, sorted(reworded), [i for i in removed if i not in gone], [j for j in added if j not in come]
