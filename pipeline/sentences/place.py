"""Where a sentence stands on its page: the kind of page, how far down, between what, and what its neighbours look like.

A bare "Single sign-on" under a heading among ten others is read differently from the same words in running text; readers of the swap test
look around, and so does this.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Block, BlockKind, Sentence

# The names that `generic.PageKind` gives; an unknown or absent kind leaves all of these columns at zero.
PAGE_KINDS = ("home", "product", "pricing", "solution", "comparison", "landing", "blog", "company")
NEAR = 3  # sentences to each side that count as neighbours
OPENING = 6  # sentences that a visitor sees without scrolling, roughly


def place_columns() -> list[str]:
    """Names of the columns that `place_rows` makes, in order."""
    return [
        *(f"page.{k}" for k in PAGE_KINDS),
        "place",
        "place.opening",
        "page.length",
        "near.same_kind",
        "path.deep",
        "level.1",
        "level.2",
        "level.3",
        "after.heading",
        "before.heading",
        "after.item",
        "before.item",
        "after.words",
        "before.words",
        "near.words",
        "near.digits",
        "page.digits",
        "repeated",
        "part",
        "part.first",
        "block.words",
    ]


def place_rows(sentences: Sequence[Sentence], blocks: Sequence[Block], kind: str = "") -> NDArray[np.float64]:
    """(n, columns) of the sentences of one page, in page order, a block each; `kind` is the page's."""
    count = len(sentences)
    rows = np.zeros((count, len(place_columns())))
    words = [len(s.text.split()) for s in sentences]
    digits = [bool(re.search(r"\d", s.text)) for s in sentences]
    times = Counter(s.text for s in sentences)
    page = [float(kind == k) for k in PAGE_KINDS]
    for i, (sentence, block) in enumerate(zip(sentences, blocks, strict=True)):
        near = range(max(0, i - NEAR), min(count, i + NEAR + 1))
        after = blocks[i + 1].kind if i + 1 < count else None
        before = blocks[i - 1].kind if i else None
        rows[i] = [
            *page,
            i / count,
            float(i < OPENING),
            math.log1p(count) / 6,
            sum(blocks[j].kind is block.kind for j in near if j != i) / (2 * NEAR),
            float(len(block.heading_path) >= 2),
            float(block.level == 1),
            float(block.level == 2),
            float(block.level >= 3),
            float(after is BlockKind.HEADING),
            float(before is BlockKind.HEADING),
            float(after is BlockKind.LIST_ITEM),
            float(before is BlockKind.LIST_ITEM),
            min(30, words[i + 1]) / 30 if i + 1 < count else 0.0,
            min(30, words[i - 1]) / 30 if i else 0.0,
            sum(words[j] for j in near) / len(near) / 30,
            sum(digits[j] for j in near) / len(near),
            sum(digits) / count,
            float(times[sentence.text] > 1),
            float(block.text != sentence.text),
            float(sentence.start == 0),
            min(100, len(block.text.split())) / 100,
        ]
    return rows
